import { statement } from "../../database/statement.ts";

/** How many logins of the data plane there are; vaults may belong to any of them. All of `data_logins`, 1 buffer. */
export const countDataLogins = statement<[], { count: number }>`
  select count(*)::integer as count
  from control.data_logins
`;
