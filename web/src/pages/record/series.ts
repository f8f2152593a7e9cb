/** A series of results before it becomes a chart or a table. */

import type { Result, Trend, TrendPoint } from "../../api/types.ts";
import { instantMs } from "../../format/date.ts";
import { mark, numeric, rangeText, type Mark as MarkOf } from "../../format/result.ts";

/** A point that can be drawn. */
export interface Drawn extends TrendPoint {
  number: number;
  atMs: number;
  outside?: MarkOf | undefined;
}

/** Judged by the range that came with the point, else by that of the latest result. */
export function markOf(point: TrendPoint, result: Result): MarkOf | undefined {
  const own = rangeText(point.low, point.high) !== "";
  return own ? mark(point.value, point.low, point.high) : mark(point.value, result.low, result.high);
}

/** The points that share the unit of the series, oldest first, and how many do not. */
export function drawable(trend: Trend): { drawn: Drawn[]; otherUnits: number } {
  const points = trend.points
    .map((point) => ({ ...point, number: numeric(point.value) ?? Number.NaN, atMs: instantMs(point.date) }))
    .filter((point) => !Number.isNaN(point.number) && !Number.isNaN(point.atMs))
    .sort((left, right) => left.atMs - right.atMs);
  const unit = trend.unit ?? points.at(-1)?.unit;
  const drawn = points.filter((point) => !point.unit || !unit || point.unit === unit);
  return { drawn, otherUnits: points.length - drawn.length };
}

/** The next of 1, 2, 5, 10, 20, 50 …, so that the axis counts as people do. */
export function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return round(([1, 2, 5].find((digit) => digit * power >= rough) ?? 10) * power);
}

/** Without the crumbs of binary fractions. */
export function round(number: number): number {
  return Number(number.toPrecision(12));
}
