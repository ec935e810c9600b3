/** What is asked of a new API key. */
import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ValidateBy } from 'class-validator';
import { SCOPES } from './caller.js';
import { Cursor, Text, Timestamp } from './field.js';
import { LimitParameter } from './page.js';

export class MakeApiKeyDto {
  /** What it is for; two keys may share a name. */
  @Text(100)
  name!: string;

  @ScopeList()
  scopes!: string[];

  /** In the future. Left out: until it is revoked. */
  @Timestamp({ optional: true })
  expiresAt?: string;
}

export class ListApiKeysQuery {
  @LimitParameter()
  limit?: number;

  @Cursor({ optional: true })
  cursor?: string;
}

const SCOPES_MESSAGE = `must be a list of one or more of ${SCOPES.join(', ')}, each once`;

function ScopeList(): PropertyDecorator {
  return applyDecorators(
    ValidateBy({
      name: 'field',
      validator: { validate: isScopeList, defaultMessage: () => SCOPES_MESSAGE },
    }),
    ApiProperty({ type: 'array', minItems: 1, uniqueItems: true, items: { type: 'string', enum: [...SCOPES] } }),
  );
}

function isScopeList(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  const given: readonly unknown[] = value;
  return new Set(given).size === given.length && given.every((one) => SCOPES.some((scope) => scope === one));
}
