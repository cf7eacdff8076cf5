// Fetches a record's frames page by page, and goes on while the session lives.
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, query } from "../../api/client";
import type { Frame, FramePage, RecordState } from "../../api/types";

export interface Frames {
  frames: Frame[];
  state: RecordState;
  /** Nothing lies behind the last frame, as far as is recorded. */
  isWhole: boolean;
}

const PAGE = 500;
const PAGES_AT_ONCE = 4;
/** So many frames are fetched by themselves; then one asks for more. */
const STEP = 20_000;
const FOLLOW_MS = 1_000;
const NEXT_MS = 50;

export function useFrames(session: string) {
  const client = useQueryClient();
  const [wanted, setWanted] = useState(STEP);
  const key = ["frames", session];
  const read = useQuery<Frames>({
    queryKey: key,
    queryFn: ({ signal }) => readOn(client, session, wanted, signal),
    structuralSharing: false,
    staleTime: 0,
    refetchInterval: ({ state: { data, status } }) => {
      if (status === "error" || !data) return false;
      if (!data.isWhole) return data.frames.length < wanted ? NEXT_MS : false;
      return data.state === "live" ? FOLLOW_MS : false;
    },
  });
  const isCut = read.data !== undefined && !read.data.isWhole && read.data.frames.length >= wanted;
  return {
    read,
    isCut,
    more: () => {
      setWanted((now) => now + STEP);
      void client.invalidateQueries({ queryKey: key });
    },
  };
}

async function readOn(client: QueryClient, session: string, wanted: number, signal: AbortSignal): Promise<Frames> {
  const before = client.getQueryData<Frames>(["frames", session]);
  const known = before?.frames ?? [];
  const added: Frame[] = [];
  let state = before?.state ?? "live";
  let isWhole = false;
  for (let page = 0; page < PAGES_AT_ONCE && known.length + added.length < wanted && !isWhole; page++) {
    const after = (added.at(-1) ?? known.at(-1))?.frame;
    const got = await get<FramePage>(`/v1/records/${session}/frames${query({ after, limit: PAGE })}`, signal);
    added.push(...got.frames);
    state = got.state;
    isWhole = !got.more;
  }
  if (before && added.length === 0 && state === before.state && isWhole === before.isWhole) return before;
  return { frames: [...known, ...added], state, isWhole };
}
