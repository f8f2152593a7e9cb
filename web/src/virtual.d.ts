/** Made by `tools/rules.ts` from `standards/`. */
declare module "virtual:rules" {
  export const rules: Readonly<Record<string, readonly [string, string]>>;
  export const tables: Readonly<Record<string, string>>;
}
