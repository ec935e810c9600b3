import type { JsonValue } from '../../core/json.js';
import type { HttpCall } from '../http.js';
import type { Provider } from '../system.js';

/** Velt. Its pages name no limit of IDs for deletes; 30 is the documented limit of its reads. */
export const velt: Provider = {
  name: 'velt',
  title: 'Velt',
  defaultUrl: 'https://api.velt.dev',
  credentials: ['VELT_API_KEY', 'VELT_AUTH_TOKEN'],
  idsPerCallMax: 30,
  concurrencyDefault: 8,
};

/** Puts `data` into Velt's one form of call: a POST of `{"data": …}` with key and token as headers of their own. */
export function veltCall(
  path: string,
  data: Readonly<Record<string, JsonValue>>,
  credentials: Readonly<Record<string, string>>,
): HttpCall {
  return {
    method: 'POST',
    path,
    headers: {
      'content-type': 'application/json',
      'x-velt-api-key': credentials['VELT_API_KEY'] ?? '',
      'x-velt-auth-token': credentials['VELT_AUTH_TOKEN'] ?? '',
    },
    body: JSON.stringify({ data }),
  };
}
