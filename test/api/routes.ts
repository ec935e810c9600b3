/** Who may call what: every route of the API document, and the scope that it needs. `admin` will always do as well. */
import type { Scope } from '../../src/api/caller.js';

/** `null`: no key is needed. */
export const ROUTE_SCOPES: Readonly<Record<string, Scope | null>> = {
  'delete /v1/api-keys/{id}': 'admin',
  'get /v1/api-keys': 'admin',
  'get /v1/erasure-requests': 'requests:read',
  'get /v1/erasure-requests/{id}': 'requests:read',
  'get /v1/erasure-requests/{id}/attempts': 'requests:read',
  'get /v1/erasure-requests/{id}/items': 'requests:read',
  'get /v1/erasure-requests/{id}/items/{itemId}': 'requests:read',
  'get /v1/systems': 'requests:read',
  'post /v1/api-keys': 'admin',
  'post /v1/erasure-requests': 'requests:write',
  'post /v1/erasure-requests/search': 'requests:read',
  'post /v1/erasure-requests/{id}/cancel': 'requests:write',
  'post /v1/erasure-requests/{id}/items/{itemId}/resolve': 'requests:write',
  'post /v1/erasure-requests/{id}/items/{itemId}/retry': 'requests:write',
  'post /v1/erasure-requests/{id}/retry': 'requests:write',
  'post /v1/subject-directory/forget': 'directory:write',
  'post /v1/subject-directory/lookup': 'directory:write',
  'post /v1/systems/{system}/resume': 'admin',
  'put /v1/subject-directory': 'directory:write',
};
