/* A voice of our own making: a glottal pulse train with vibrato through three formants that move from vowel to vowel, and breath in
 * between. Deterministic, talks without a pause, and keeps a speech codec as busy as a person does. */
#ifndef SPEECH_H
#define SPEECH_H
#include <math.h>
#include <stdint.h>

struct resonator { double y1, y2; };

static double resonate(struct resonator *r, double x, double hz, double bandwidth, double rate) {
  double radius = exp(-M_PI * bandwidth / rate);
  double y = x * (1 - radius) + 2 * radius * cos(2 * M_PI * hz / rate) * r->y1 - radius * radius * r->y2;
  r->y2 = r->y1;
  r->y1 = y;
  return y;
}

static const double vowels[5][3] = {
  {730, 1090, 2440}, {270, 2290, 3010}, {300, 870, 2240}, {530, 1840, 2480}, {570, 840, 2410}};

/* Fills `count` samples at `rate`; `pitch` tells one speaker from another. */
static void speak(int16_t *out, int count, int rate, double pitch) {
  struct resonator formant[3] = {{0, 0}};
  double phase = 0;
  uint32_t noise = 12345;
  for (int n = 0; n < count; n++) {
    double t = (double)n / rate;
    int syllable = (int)(t * 4.3);
    const double *from = vowels[(syllable * 7) % 5], *to = vowels[(syllable * 7 + 7) % 5];
    double part = t * 4.3 - syllable;
    double hz = pitch * (1 + 0.15 * sin(2 * M_PI * 0.7 * t) + 0.01 * sin(2 * M_PI * 5.5 * t));
    noise = noise * 1664525u + 1013904223u;
    double breath = ((double)(noise >> 8) / (1 << 24) - 0.5);
    phase += hz / rate;
    double pulse = 0;
    if (phase >= 1) { phase -= 1; pulse = 40; }
    double source = part < 0.85 ? pulse + 0.4 * breath : 3 * breath;
    double loud = 0.25 + 0.75 * sin(M_PI * part) * (0.7 + 0.3 * sin(2 * M_PI * 0.31 * t));
    double sample = 0;
    for (int f = 0; f < 3; f++)
      sample += resonate(&formant[f], source, from[f] + (to[f] - from[f]) * part, 60 + 40 * f, rate) / (f + 1);
    sample = (sample + 0.2 * source) * loud * 2200;
    out[n] = sample > 30000 ? 30000 : sample < -30000 ? -30000 : (int16_t)sample;
  }
}

/* Level as RFC 6464 wants it. */
static int level_of(const int16_t *pcm, int count) {
  double energy = 0;
  for (int n = 0; n < count; n++) energy += (double)pcm[n] * pcm[n];
  if (energy == 0) return 127;
  int level = (int)lround(-10 * log10(energy / count / (32768.0 * 32768.0)));
  return level < 0 ? 0 : level > 126 ? 126 : level;
}
#endif
