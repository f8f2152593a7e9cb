/** A series of results before it becomes a chart or a table. */

import type { Trend, TrendPoint } from "../../api/types.ts";
import { instantMs } from "../../format/date.ts";
import { numeric, type Mark as MarkOf } from "../../format/result.ts";

/** A point that can be drawn. */
export interface Drawn extends TrendPoint {
  number: number;
  atMs: number;
  outside?: MarkOf | undefined;
}

/** All points that can be drawn, oldest first; how many have another unit, and how many are words or bounds such as `<0.5`. */
export function drawable(trend: Trend): { drawn: Drawn[]; otherUnits: number; words: number } {
  const points = trend.points
    .map((point) => ({ ...point, number: numeric(point.value) ?? Number.NaN, atMs: instantMs(point.date) }))
    .filter((point) => !Number.isNaN(point.number) && !Number.isNaN(point.atMs))
    .sort((left, right) => left.atMs - right.atMs);
  const unit = trend.unit ?? points.at(-1)?.unit;
  const drawn = points.filter((point) => !point.unit || !unit || point.unit === unit);
  const words = trend.points.filter((point) => numeric(point.value) === undefined).length;
  return { drawn, otherUnits: points.length - drawn.length, words };
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
