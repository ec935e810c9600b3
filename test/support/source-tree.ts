import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The checkout's own folder. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const NOT_OURS = new Set(['.git', '.data', '.env', 'node_modules', 'dist', 'dist-bench', 'out', 'coverage']);
const GENERATED = 'src/store/generated/';

/** Every file of the project, as paths from its root with forward slashes; generated code and build output left out. */
export function projectFiles(folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return projectFiles(path);
    const name = relative(ROOT, path).split(sep).join('/');
    return entry.isFile() && !name.startsWith(GENERATED) ? [name] : [];
  });
}

/** The TypeScript files under one of the top folders. */
export function sourceFiles(...folders: readonly string[]): string[] {
  return projectFiles().filter(
    (name) => ['.ts', '.tsx'].includes(extname(name)) && folders.some((folder) => name.startsWith(`${folder}/`)),
  );
}

/** A project file's text. */
export function read(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

/**
 * Where in a TypeScript file `isBreach` holds, as `file:line: code`. It walks the syntax tree, so that comments and
 * strings never count.
 */
export function breaches(name: string, isBreach: (node: ts.Node) => boolean): string[] {
  const tree = ts.createSourceFile(name, read(name), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  function visit(node: ts.Node): void {
    if (isBreach(node)) {
      const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
      found.push(`${name}:${line + 1}: ${node.getText(tree).slice(0, 60)}`);
    }
    ts.forEachChild(node, visit);
  }
  visit(tree);
  return found;
}

/** Whether a node is the expression `object.member` or `object['member']`. */
export function isMember(node: ts.Node, object: string, member: string): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    return ts.isIdentifier(node.expression) && node.expression.text === object && node.name.text === member;
  }
  return (
    ts.isElementAccessExpression(node) &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === object &&
    ts.isStringLiteral(node.argumentExpression) &&
    node.argumentExpression.text === member
  );
}
