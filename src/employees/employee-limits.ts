/** Employees that a tenant may have at a time, not counting deleted ones. */
export const maxEmployees = 20_000;
