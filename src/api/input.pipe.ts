/** Checks bodies and query parameters against their classes and says what is wrong by JSON Pointer. */
import { ValidationPipe } from '@nestjs/common';
import type { ArgumentMetadata, Type } from '@nestjs/common';
import { instanceToPlain, plainToInstance } from 'class-transformer';
import type { ClassTransformOptions } from 'class-transformer';
import type { ValidationError } from 'class-validator';
import { isWellFormed } from '../core/json.js';
import { OptionalBody } from './no-input.dto.js';
import { pointerSegment, Problem } from './problem.js';
import type { InputError } from './problem.js';
import { readTargets } from './targets.js';

/** Names that class-transformer and Nest drop in silence; here they are fields that nobody knows. */
const DROPPED_NAMES = ['__proto__', 'constructor', 'prototype'];
/** Field names longer than this are not repeated: the error points to the object that has them. */
const NAME_CHARACTERS_MAX = 64;

export class InputPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      transformerPackage: { plainToInstance: withoutLists, classToPlain: instanceToPlain },
      whitelist: true,
      forbidNonWhitelisted: true,
      stopAtFirstError: true,
      exceptionFactory: (errors: readonly ValidationError[]) => invalid(errors.flatMap((error) => listed(error, ''))),
    });
  }

  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'body' && value === undefined && !(metadata.metatype?.prototype instanceof OptionalBody)) {
      throw new Problem('body_missing', 'Send a JSON object.');
    }
    if (metadata.type === 'body' || metadata.type === 'query') {
      const errors = droppedNames(value, '');
      if (errors.length > 0) throw invalid(errors);
    }
    return super.transform(value, metadata);
  }

  /** Nothing to strip: such names were refused. */
  protected override stripProtoKeys(): void {}

  /** Nothing to close: JSON has no sparse arrays. */
  protected override closeArrayGaps(): void {}
}

function invalid(errors: readonly InputError[]): Problem {
  return new Problem('invalid_input', 'The input has errors.', { errors });
}

function listed(error: ValidationError, above: string): InputError[] {
  const path = `${above}/${pointerSegment(error.property)}`;
  const { whitelistValidation, nestedValidation, targets, ...own } = error.constraints ?? {};
  if (whitelistValidation !== undefined) return [unknownField(above, error.property)];
  if (targets !== undefined) return targetErrors(error.value, path);
  const [message = nestedValidation] = Object.values(own);
  const children = (error.children ?? []).flatMap((child) => listed(child, path));
  return message === undefined ? children : [{ path, message }];
}

function targetErrors(value: unknown, path: string): InputError[] {
  const reading = readTargets(value);
  return reading.ok ? [] : reading.errors.map((error) => ({ path: `${path}${error.path}`, message: error.message }));
}

function unknownField(above: string, name: string): InputError {
  return name.length > NAME_CHARACTERS_MAX || !isWellFormed(name)
    ? { path: above, message: 'has a field that is not known' }
    : { path: `${above}/${pointerSegment(name)}`, message: 'is not a known field' };
}

/**
 * An instance of the class, whose lists are those of the body itself: class-transformer would copy them element by
 * element, and a list of 100,000 IDs is read by its own rule.
 */
function withoutLists<T>(type: Type<T>, body: unknown, options?: ClassTransformOptions): T {
  const members = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  const lists = members.filter(([, member]) => Array.isArray(member));
  const others = members.filter(([, member]) => !Array.isArray(member));
  const instance = plainToInstance(type, Object.fromEntries(others), options);
  if (typeof instance === 'object' && instance !== null) Object.assign(instance, Object.fromEntries(lists));
  return instance;
}

/** Depth is bounded by the parser, so this may recurse. */
function droppedNames(value: unknown, path: string): InputError[] {
  if (typeof value !== 'object' || value === null) return [];
  const errors: InputError[] = [];
  if (Array.isArray(value)) {
    const elements: readonly unknown[] = value;
    for (const [index, element] of elements.entries()) {
      if (typeof element === 'object') errors.push(...droppedNames(element, `${path}/${index}`));
    }
    return errors;
  }
  for (const [name, member] of Object.entries(value)) {
    if (DROPPED_NAMES.includes(name)) errors.push(unknownField(path, name));
    else errors.push(...droppedNames(member, `${path}/${pointerSegment(name)}`));
  }
  return errors;
}
