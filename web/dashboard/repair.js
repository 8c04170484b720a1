// What ends it that a namespace is not compliant, by reason. docs/troubleshooting.md says more.

const PASSES = 'Nothing is to be done: landlord tries it again by itself.';
const TENANT = 'Correct the Tenant: its condition `Ready` says which field is wrong.';
const ROOM = 'Remove annotations of other tools, or keys of the tenant.';

const REPAIRS = {
  AmbiguousClaim: 'Leave one of the claims, so that one tenant is found.',
  AnnotationsTooLarge: ROOM,
  Busy: PASSES,
  Conflicted: 'Take the key out of the namespace, or change `conflicts` in the settings or the Tenant.',
  Contested: 'The view “Contested keys” names the other writer and the lines that end it.',
  DoesNotComeToRest: TENANT,
  Forbidden: 'Give the controller the right to write it: apply deploy/rbac.yaml; `landlord doctor` (check rights) names what is missing.',
  HookRejected: 'Do what the hook’s message says.',
  HookWarning: 'The namespace is compliant; the hook’s message says what to change.',
  InvalidKey: TENANT,
  InvalidNodeSelector: TENANT,
  InvalidTenant: TENANT,
  InvalidValue: TENANT,
  ObjectTooLarge: ROOM,
  PreviousTooLarge: ROOM,
  Refused: 'Correct the webhook or policy that refuses the write: the message names it.',
  Reverted: 'Correct the webhook or policy that takes the write back: the message names it.',
  SelectorClash: 'The view “Held Pods” says what to change in the Pod.',
  ServerError: PASSES,
  Timeout: PASSES,
  Unclaimed: 'Give it a tenant: `landlord move NAMESPACE --to TENANT`.',
  UnknownTenant: 'Create the tenant, or move the namespace: `landlord move NAMESPACE --to TENANT`.',
  Unreachable: PASSES,
  Unverified: 'Look at its annotation `landlord.dev/creator` and at the claim; an admin approves it by `landlord adopt NAMESPACE`, or deletes the namespace.',
  WaitingForNamespace: 'The view “Held Pods” says what keeps the Pod.',
};

/** In words; null where nothing is wrong. */
export const repair = (reason, namespace) => REPAIRS[reason]?.replaceAll('NAMESPACE', namespace) ?? null;
