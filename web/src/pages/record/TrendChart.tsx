/** The chart itself, in a file of its own so that ECharts is fetched only when there is something to draw. */

import { LineChart } from "echarts/charts";
import { GridComponent, MarkAreaComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsCoreOption, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";

import { minute } from "../../format/date.ts";
import { unusualStatus, valueText, type Mark } from "../../format/result.ts";
import type { Speak } from "../../words/index.ts";
import { round, roundStep, type Drawn } from "./series.ts";

use([LineChart, GridComponent, TooltipComponent, MarkAreaComponent, CanvasRenderer]);

interface Props {
  points: readonly Drawn[];
  unit: string;
  low: number | undefined;
  high: number | undefined;
  speak: Speak;
}

const COLOURS = {
  line: "#0b6570",
  band: "rgba(11, 101, 112, 0.09)",
  text: "#4a5c66",
  grid: "#e3e9ec",
};
/** Values outside the range differ in shape as well as in colour. */
const DOWN = "path://M0 0 L10 0 L5 9 Z";
const OUTSIDE: Readonly<Record<Mark, { shape: string; colour: string; sign: string; size: number }>> = {
  high: { shape: "triangle", colour: "#b3261e", sign: "↑", size: 11 },
  low: { shape: DOWN, colour: "#1d57b0", sign: "↓", size: 11 },
  abnormal: { shape: "diamond", colour: "#b3261e", sign: "●", size: 11 },
  "critical-high": { shape: "triangle", colour: "#b3261e", sign: "↑↑", size: 15 },
  "critical-low": { shape: DOWN, colour: "#b3261e", sign: "↓↓", size: 15 },
  critical: { shape: "diamond", colour: "#b3261e", sign: "●", size: 15 },
};

export default function TrendChart({ points, unit, low, high, speak }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(undefined);

  useEffect(() => {
    if (!box.current) return;
    const made = (chart.current = init(box.current));
    const watcher = new ResizeObserver(() => made.resize());
    watcher.observe(box.current);
    return () => {
      watcher.disconnect();
      made.dispose();
    };
  }, []);

  useEffect(() => {
    chart.current?.setOption(optionOf({ points, unit, low, high, speak }), { notMerge: true });
  }, [points, unit, low, high, speak]);

  return <div ref={box} className="trend-canvas" />;
}

function optionOf({ points, unit, low, high, speak }: Props): EChartsCoreOption {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const span = (points.at(-1)?.atMs ?? 0) - (points[0]?.atMs ?? 0);
  return {
    animation: !still,
    animationDuration: 250,
    textStyle: { fontFamily: "inherit", color: COLOURS.text },
    grid: { left: 8, right: 16, top: 16, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "item",
      confine: true,
      renderMode: "richText",
      formatter: (found: { dataIndex: number }) => {
        const point = points[found.dataIndex];
        if (!point) return "";
        const { outside } = point;
        const status = unusualStatus(point.status);
        return [
          minute(point.date),
          `${valueText(point.value)} ${unit}`,
          outside && `${OUTSIDE[outside].sign} ${speak(`mark.${outside}`)}`,
          status && speak.code("status", status),
          point.institution_name,
          point.original && `(${valueText(point.original.value)} ${point.original.unit ?? ""})`,
        ]
          .filter(Boolean)
          .join("\n");
      },
    },
    xAxis: {
      type: "time",
      // A single day gets room on both sides; otherwise the axis ends where the record ends.
      ...(span === 0
        ? { min: (points[0]?.atMs ?? 0) - 15 * 86_400_000, max: (points[0]?.atMs ?? 0) + 15 * 86_400_000 }
        : {}),
      axisLabel: {
        hideOverlap: true,
        color: COLOURS.text,
        formatter: { year: "{yyyy}", month: "{yyyy}-{MM}", day: "{MM}-{dd}" },
      },
      axisLine: { lineStyle: { color: "#b9c6cc" } },
      splitNumber: 4,
    },
    yAxis: {
      type: "value",
      scale: true,
      splitNumber: 4,
      axisLabel: { color: COLOURS.text },
      splitLine: { lineStyle: { color: COLOURS.grid } },
      ...limits(points, low, high),
    },
    series: [
      {
        type: "line",
        lineStyle: { width: 1.6, color: COLOURS.line },
        data: points.map((point) => {
          const { outside } = point;
          return {
            value: [point.atMs, point.number],
            symbol: outside ? OUTSIDE[outside].shape : "circle",
            symbolSize: outside ? OUTSIDE[outside].size : 7,
            itemStyle: { color: outside ? OUTSIDE[outside].colour : COLOURS.line },
          };
        }),
        markArea:
          low === undefined && high === undefined
            ? undefined
            : {
                silent: true,
                itemStyle: { color: COLOURS.band },
                data: [[{ yAxis: low ?? "min" }, { yAxis: high ?? "max" }]],
              },
      },
    ],
  };
}

/** The axis counts in round steps and reaches at least to the reference range, so that the band is seen even when every value is far from it. */
function limits(
  points: readonly Drawn[],
  low: number | undefined,
  high: number | undefined,
): { min: number; max: number; interval: number } {
  const numbers = [...points.map((point) => point.number), low, high].filter((number) => number !== undefined);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const step = roundStep((most - least || Math.abs(most) || 1) / 4);
  // A value on an edge of the axis would be cut in half, so an edge that is reached moves out by a step.
  const below = Math.floor(least / step) - (least % step === 0 && least !== 0 ? 1 : 0);
  const above = Math.ceil(most / step) + (most % step === 0 ? 1 : 0);
  return { min: round(below * step), max: round(above * step), interval: step };
}
