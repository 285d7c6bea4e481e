/**
 * Id of the built-in tenant whose rows nobody else may ever see; `wellvault verify` looks for them as every
 * other tenant. No caller can act for it, provision it or list it.
 */
export const canaryTenantId = "wellvault-canary";
