// The controls of a replay: play and pause, speed, and a scrubber over time.
import { Slider, SliderThumb, SliderTrack } from "react-aria-components/Slider";
import { Label } from "react-aria-components/Label";
import type { Frame } from "../../api/types";
import { Button } from "../../parts/Button";
import { Choice } from "../../parts/fields";
import { clock, count, countdown } from "../../parts/format";
import { SPEEDS, type Speed } from "./replay";
import type { Replay } from "./useReplay";

const SPEED_CHOICES = SPEEDS.map((speed) => [String(speed), `${speed}×`] as const);
/** The scrubber's smallest step, in seconds. */
const STEP = 0.1;
const SECONDS = { style: "unit", unit: "second", unitDisplay: "long", maximumFractionDigits: 1 } as const;

export function ReplayBar({ replay, frames }: { replay: Replay; frames: readonly Frame[] }) {
  const last = frames[replay.shown - 1];
  const longest = Math.max(STEP, Math.ceil(replay.length / 1000 / STEP) * STEP);
  return (
    <div className="replay" role="group" aria-label="Replay">
      {replay.isPlaying ? (
        <Button weight="main" onPress={replay.pause}>
          Pause
        </Button>
      ) : (
        <Button weight="main" onPress={replay.play} isDisabled={frames.length < 2}>
          Play
        </Button>
      )}
      <Choice
        label="Speed"
        value={String(replay.speed)}
        onChange={(value) => replay.setSpeed(Number(value) as Speed)}
        choices={SPEED_CHOICES}
      />
      <Slider
        className="slider"
        minValue={0}
        maxValue={longest}
        step={STEP}
        value={Math.min(replay.position / 1000, longest)}
        onChange={(seconds) => replay.seek(Math.min(seconds * 1000, replay.length))}
        formatOptions={SECONDS}
        isDisabled={frames.length < 2}
      >
        <Label className="field-label">Position</Label>
        <span className="replay-place">
          {last ? `${clock(last.time)}, ` : ""}
          {count(replay.shown)} of {count(frames.length)} frames, {countdown(replay.position)} of {countdown(replay.length)}
        </span>
        <SliderTrack className="slider-track">
          {({ state }) => (
            <>
              <div className="slider-fill" style={{ width: `${state.getThumbPercent(0) * 100}%` }} />
              <SliderThumb className="slider-thumb" />
            </>
          )}
        </SliderTrack>
      </Slider>
      {replay.isOn && <Button onPress={replay.leave}>Show all</Button>}
    </div>
  );
}
