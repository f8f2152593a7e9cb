/** The signed launch from a hospital's own program: what its address says. */

/** 机构编码, 工号, 科室, 就诊流水号, the time, and the signature over them. */
export interface LaunchRequest {
  institution: string;
  staff: string;
  department: string;
  visit: string;
  at: string;
  signature: string;
}

const NAMES = ["institution", "staff", "department", "visit", "at", "signature"] as const;

/** The launch in an address, `/launch?institution=…&signature=…`; undefined when the address is an ordinary one. */
export function launchOf({ pathname, search }: { pathname: string; search: string }): LaunchRequest | undefined {
  const query = new URLSearchParams(search);
  if (!pathname.startsWith("/launch") && !query.has("signature")) return undefined;
  const read = NAMES.map((name) => [name, query.get(name) ?? ""] as const);
  return Object.fromEntries(read) as unknown as LaunchRequest;
}
