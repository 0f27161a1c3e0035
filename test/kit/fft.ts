/** In-place radix-2 FFT of a complex signal; the length is a power of two. */
export function fft(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  reorder(re, im);
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k += 1) {
      const cos = Math.cos((-2 * Math.PI * k) / size);
      const sin = Math.sin((-2 * Math.PI * k) / size);
      for (let a = k; a < n; a += size) butterfly(re, im, a, a + half, cos, sin);
    }
  }
}

/** Inverse of `fft`. */
export function inverseFft(re: Float64Array, im: Float64Array): void {
  fft(im, re);
  const n = re.length;
  for (let i = 0; i < n; i += 1) {
    re[i] = (re[i] as number) / n;
    im[i] = (im[i] as number) / n;
  }
}

function butterfly(re: Float64Array, im: Float64Array, a: number, b: number, cos: number, sin: number): void {
  const reB = re[b] as number;
  const imB = im[b] as number;
  const reT = reB * cos - imB * sin;
  const imT = reB * sin + imB * cos;
  re[b] = (re[a] as number) - reT;
  im[b] = (im[a] as number) - imT;
  re[a] = (re[a] as number) + reT;
  im[a] = (im[a] as number) + imT;
}

function reorder(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i += 1) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i >= j) continue;
    [re[i], re[j]] = [re[j] as number, re[i] as number];
    [im[i], im[j]] = [im[j] as number, im[i] as number];
  }
}
