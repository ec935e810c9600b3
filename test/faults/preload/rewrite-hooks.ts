/** Module hooks that change the text of the compiled service while it is loaded. */
import type { InitializeHook, LoadHook } from 'node:module';
import type { Rewrite } from './disturbance.js';

let rewrites: readonly Rewrite[] = [];

export const initialize: InitializeHook<readonly Rewrite[]> = (asked) => {
  rewrites = asked;
};

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const wanted = rewrites.filter(({ file }) => url.endsWith(`/dist/${file}`));
  if (wanted.length === 0) return loaded;
  if (!(loaded.source instanceof Uint8Array)) throw new Error(`${url} came as no bytes`);
  let source = Buffer.from(loaded.source).toString('utf8');
  for (const { file, find, replace } of wanted) {
    // A place that moved must not become a fault that never happens.
    if (source.split(find).length !== 2) throw new Error(`${find} does not stand exactly once in dist/${file}`);
    source = source.replace(find, () => replace);
  }
  return { ...loaded, source };
};
