/** Ids in paths: a UUID of any case, read into the one we use. */
import type { PipeTransform } from '@nestjs/common';
import { readId } from '../store/identifiers.js';
import { Problem } from './problem.js';

export class IdPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    const id = readId(value);
    if (id === null) throw new Problem('id_invalid', 'Ids are UUIDs, as answers give them.');
    return id;
  }
}
