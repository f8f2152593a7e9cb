/**
 * Source JSON, laid out for reading without being parsed and printed again: a number keeps every digit that was stored.
 */

export type TokenKind = "name" | "text" | "number" | "word" | "mark";

export interface Token {
  kind: TokenKind;
  text: string;
}

export interface SourceLine {
  depth: number;
  tokens: Token[];
}

const LEXEME = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\]:,]/g;

/** Breaks JSON text into indented lines of coloured tokens. Text that is not JSON comes back line by line. */
export function layOut(json: string): SourceLine[] {
  const lexemes = json.match(LEXEME) ?? [];
  if (lexemes.join("").length !== withoutSpace(json).length) {
    return json.split("\n").map((text) => ({ depth: 0, tokens: [{ kind: "text", text }] }));
  }
  const lines: SourceLine[] = [];
  let line: SourceLine = { depth: 0, tokens: [] };
  let depth = 0;
  const breakLine = (): void => {
    if (line.tokens.length > 0) lines.push(line);
    line = { depth, tokens: [] };
  };
  lexemes.forEach((lexeme, at) => {
    const next = lexemes[at + 1];
    if (lexeme === "{" || lexeme === "[") {
      line.tokens.push({ kind: "mark", text: lexeme });
      if (next === "}" || next === "]") return;
      depth += 1;
      breakLine();
    } else if (lexeme === "}" || lexeme === "]") {
      const before = lexemes[at - 1];
      if (before !== "{" && before !== "[") {
        depth -= 1;
        breakLine();
      }
      line.tokens.push({ kind: "mark", text: lexeme });
    } else if (lexeme === ",") {
      line.tokens.push({ kind: "mark", text: "," });
      breakLine();
    } else if (lexeme === ":") {
      line.tokens.push({ kind: "mark", text: ": " });
    } else {
      line.tokens.push({ kind: kindOf(lexeme, next), text: lexeme });
    }
  });
  breakLine();
  return lines;
}

function kindOf(lexeme: string, next: string | undefined): TokenKind {
  if (lexeme.startsWith('"')) return next === ":" ? "name" : "text";
  return /^[tfn]/.test(lexeme) ? "word" : "number";
}

/** The text without the white space that lies between lexemes. */
function withoutSpace(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (found) => (found.startsWith('"') ? found : ""));
}

/** The lines as text, two spaces a level: what the copy button copies. */
export function asText(lines: readonly SourceLine[]): string {
  return lines.map((line) => "  ".repeat(line.depth) + line.tokens.map((token) => token.text).join("")).join("\n");
}

/** Version and time of last change of a stored resource. */
export function metaOf(json: string): { version?: string; updated?: string } {
  try {
    const meta: unknown = (JSON.parse(json) as { meta?: unknown }).meta;
    if (typeof meta !== "object" || meta === null) return {};
    const { versionId, lastUpdated } = meta as Record<string, unknown>;
    return {
      ...(typeof versionId === "string" ? { version: versionId } : {}),
      ...(typeof lastUpdated === "string" ? { updated: lastUpdated } : {}),
    };
  } catch {
    return {};
  }
}
