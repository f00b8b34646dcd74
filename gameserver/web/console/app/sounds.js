// Three sounds, off until asked for, and never the only sign of anything.
import { preferences } from "./preferences.js";

// [frequency in Hz, start in s, length in s]
const TUNES = {
  goal: [[523, 0, 0.14], [659, 0.12, 0.14], [784, 0.24, 0.3]],
  hot: [[880, 0, 0.09], [880, 0.14, 0.09]],
  settled: [[440, 0, 0.12], [330, 0.11, 0.2]],
};
const VOLUME = 0.12;
let context = null;

export function play(name) {
  const tune = TUNES[name === "pool" ? "hot" : name];
  if (!preferences.get("sounds") || tune === undefined) return;
  context ??= new AudioContext();
  for (const [frequency, start, length] of tune) {
    const tone = new OscillatorNode(context, { frequency });
    const volume = new GainNode(context, { gain: 0 });
    const begin = context.currentTime + start;
    volume.gain.setValueAtTime(VOLUME, begin);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + length);
    tone.connect(volume).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + length);
  }
}
