/** How the API document speaks of problems. */
import type { ApiResponseOptions } from '@nestjs/swagger';

/** An error answer of a route. */
export function problemResponse(status: number, description: string): ApiResponseOptions {
  return {
    status,
    description,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}
