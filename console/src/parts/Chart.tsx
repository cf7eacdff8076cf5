// A small time series, and the same in words and numbers for who can't or won't read a picture.
import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import { useColours } from "../frame/theme";
import { clock, rate } from "./format";
import { Shut } from "./Shut";

export interface Point {
  at: number;
  value: number;
}

interface ChartProps {
  title: string;
  /** Stands right behind a number: "/s". */
  unit: string;
  points: readonly Point[];
  warm?: boolean;
}

const HEIGHT = 96;
/** What is shown, in seconds: also where less is known yet. */
const HOUR = 3_600;

export function Chart({ title, unit, points, warm = false }: ChartProps) {
  const summary = describe(points, unit);
  const colours = useColours();
  return (
    <figure className={warm ? "chart chart-warm" : "chart"}>
      <figcaption>
        <b>{title}</b>
        <span className="quiet">{summary}</span>
      </figcaption>
      <Plot key={colours} points={points} />
      <Shut title="As numbers">
        <ol className="chart-numbers">
          {thin(points, 12).map((point) => (
            <li key={point.at}>
              {clock(point.at)}: {rate(point.value)}
              {unit}
            </li>
          ))}
        </ol>
      </Shut>
    </figure>
  );
}

export function describe(points: readonly Point[], unit: string): string {
  const last = points.at(-1);
  if (!last) return "nothing measured yet";
  const highest = points.reduce((most, point) => (point.value > most.value ? point : most), last);
  return `now ${rate(last.value)}${unit}, highest ${rate(highest.value)} at ${clock(highest.at)}`;
}

/** At most so many points, each the highest of its part, the newest last. */
export function thin(points: readonly Point[], most: number): Point[] {
  const size = Math.max(1, Math.ceil(points.length / most));
  const thinned: Point[] = [];
  for (let at = 0; at < points.length; at += size) {
    const part = points.slice(at, at + size);
    thinned.push(part.reduce((high, point) => (point.value > high.value ? point : high)));
  }
  return thinned;
}

function Plot({ points }: { points: readonly Point[] }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useMemo<uPlot.AlignedData>(
    () => [points.map((point) => point.at / 1000), points.map((point) => point.value)],
    [points],
  );
  const first = useRef(data);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    plot.current = new uPlot(options(element), first.current, element);
    const sizes = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [data]);

  return <div ref={box} className="plot" aria-hidden="true" />;
}

function options(element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const line = style.color;
  const grid = style.borderTopColor;
  const words = style.outlineColor;
  const font = "11px system-ui, sans-serif";
  const axis: uPlot.Axis = { stroke: words, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [6, 8, 0, 0],
    scales: { x: { range: (_plot, _low, high) => [(high ?? Date.now() / 1000) - HOUR, high ?? Date.now() / 1000] }, y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 20, space: 70, values: (_plot, marks) => marks.map((mark) => clock(mark * 1000).slice(0, 5)) },
      { ...axis, size: 40, space: 28, values: (_plot, marks) => marks.map((mark) => rate(mark)) },
    ],
    series: [{}, { stroke: line, width: 1.5, points: { show: false }, fill: `color-mix(in srgb, ${line} 14%, transparent)` }],
  };
}
