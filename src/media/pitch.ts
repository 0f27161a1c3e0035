/**
 * The distance, in samples, at which the sound around `end` repeats itself best: compares the last `window` samples before `end`
 * with those `lag` earlier, by normalised correlation. Answers a lag of `shortest`…`longest`; `pcm[end − window − longest…end)`
 * must exist. At high rates only every few samples are compared, which is enough for voices.
 */
export function pitchLag(
  pcm: Int16Array,
  end: number,
  window: number,
  shortest: number,
  longest: number,
  stride = 1,
): number {
  let best = shortest;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let lag = shortest; lag <= longest; lag += stride) {
    let product = 0;
    let energy = 1;
    for (let at = end - window; at < end; at += stride) {
      const earlier = pcm[at - lag] as number;
      product += (pcm[at] as number) * earlier;
      energy += earlier * earlier;
    }
    const score = product <= 0 ? product / energy : (product * product) / energy;
    if (score > bestScore) {
      bestScore = score;
      best = lag;
    }
  }
  return best;
}
