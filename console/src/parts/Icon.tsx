// Small pictures for the navigation, drawn on a grid of 20 by 20.

const PATHS = {
  overview: "M3 11l7-7 7 7M5 9.5V17h10V9.5",
  sessions: "M2 6c3 0 3 3 6 3s3-3 5-3 3 1 5 1M2 12c3 0 3 3 6 3s3-3 5-3 3 1 5 1",
  holds: "M4 4h12M10 4v5M5 9h10v7H5zM10 12v2",
  alerts: "M5 13.5V9a5 5 0 0 1 10 0v4.5M3.5 13.5h13M8.5 16.5h3M10 4V2.5",
  incidents: "M10 3l7.5 13.5h-15zM10 8v4M10 14.2h.1",
  unseals: "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 5.8-1.1M10 12v2",
  grants: "M7.5 12.5a3.5 3.5 0 1 1 2.6-5.9L17 6v3h-2v2h-3l-1.2 0M6.8 9h.1",
  blocks: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM5.2 5.2l9.6 9.6",
  "break-glass": "M4 3h12v14H4zM10 3l-2 5 3 2-3 7M11 10l5-2",
  workloads: "M10 4a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM4 17c0-3.5 2.7-5 6-5s6 1.5 6 5",
  targets: "M4 5.5c0-3 12-3 12 0v9c0 3-12 3-12 0zM4 5.5c0 3 12 3 12 0M4 10c0 3 12 3 12 0",
  policy: "M5 3h8l3 3v11H5zM8 8h5M8 11h5M8 14h3",
  records: "M10 4a6 6 0 1 1-5.7 4M4 4v4h4M10 7v3.5l2.5 1.5",
  evidence: "M10 3l6 2v5c0 4-3 6-6 7-3-1-6-3-6-7V5zM7.5 10l2 2 3.5-4",
  health: "M2 10h4l2-5 4 10 2-5h4",
  tokens: "M4 6h12v8H4zM7 10h.1M10 10h.1M13 10h.1",
  more: "M4 6h12M4 10h12M4 14h12",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** Water that is held and let through. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path className="mark-water" d="M3 11h11c4 0 3 10 8 10h7" />
      <path className="mark-deep" d="M3 17h8c3 0 3 9 8 9h10" />
      <path className="mark-gate" d="M17 4v8" />
    </svg>
  );
}
