/** What the subject directory takes in. */
import { Type } from 'class-transformer';
import { ValidateNested } from 'class-validator';
import { Nested } from './field.js';
import { SubjectDto } from './submit-request.dto.js';
import { Targets } from './targets.js';

export class DirectorySubjectDto {
  @Nested(() => SubjectDto)
  @ValidateNested()
  @Type(() => SubjectDto)
  subject!: SubjectDto;
}

export class DirectoryEntryDto extends DirectorySubjectDto {
  @Targets({ optional: false, description: 'Everything that is held of the subject, and where.' })
  targets!: unknown;
}
