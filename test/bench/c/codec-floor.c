/* The unavoidable codec work of one call in one tick of 20 ms: libopus decodes three speakers to 8 kHz and encodes the phone. Everything
 * else a gateway does comes on top. Prints one line of JSON; writes the frames that the load generator sends, so that both work on the same.
 *
 *   codec-floor FRAMES MULAW
 *
 * FRAMES: for each of 3 speakers and 500 frames a byte of level, two of length (big endian), the packet. MULAW: the phone's voice. */
#include <opus/opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "speech.h"

enum { SPEAKERS = 3, FRAMES = 500, PASSES = 40 };

static unsigned char packets[SPEAKERS][FRAMES][1500];
static int lengths[SPEAKERS][FRAMES];
static int16_t phone[FRAMES * 160];

static double cpu_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* Other guests of the host only ever add: the least is what the work takes. */
static double least(const double *values) {
  double found = values[0];
  for (int n = 1; n < PASSES; n++)
    if (values[n] < found) found = values[n];
  return found;
}

static unsigned char mulaw(int sample) {
  int sign = sample < 0 ? 0x80 : 0, magnitude = ((sample < 0 ? ~sample : sample) >> 2) + 33;
  if (magnitude > 0x1fff) magnitude = 0x1fff;
  int segment = 26 - __builtin_clz(magnitude);
  return (unsigned char)~(sign | segment << 4 | ((magnitude >> (segment + 1)) & 15));
}

static void prepare(const char *frames_file, const char *mulaw_file) {
  static int16_t voice[FRAMES * 960];
  FILE *frames = fopen(frames_file, "wb"), *codes = fopen(mulaw_file, "wb");
  if (!frames || !codes) { perror("codec-floor"); exit(1); }
  for (int s = 0; s < SPEAKERS; s++) {
    OpusEncoder *encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, NULL);
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(32000));
    opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(1));
    opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(5));
    speak(voice, FRAMES * 960, 48000, 95 + 45 * s);
    for (int f = 0; f < FRAMES; f++) {
      int length = opus_encode(encoder, voice + f * 960, 960, packets[s][f], 1500);
      unsigned char head[3] = {(unsigned char)level_of(voice + f * 960, 960), length >> 8, length & 255};
      lengths[s][f] = length;
      fwrite(head, 1, 3, frames);
      fwrite(packets[s][f], 1, length, frames);
    }
    opus_encoder_destroy(encoder);
  }
  speak(phone, FRAMES * 160, 8000, 120);
  for (int n = 0; n < FRAMES * 160; n++) fputc(mulaw(phone[n]), codes);
  fclose(frames);
  fclose(codes);
}

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  prepare(argv[1], argv[2]);
  OpusDecoder *decoders[SPEAKERS];
  for (int s = 0; s < SPEAKERS; s++) decoders[s] = opus_decoder_create(8000, 1, NULL);
  OpusEncoder *encoder = opus_encoder_create(8000, 1, OPUS_APPLICATION_VOIP, NULL);
  opus_encoder_ctl(encoder, OPUS_SET_BITRATE(16000));
  opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(5));
  opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(1));
  opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(5));
  double decode[PASSES], encode[PASSES];
  int16_t pcm[960];
  unsigned char packet[1500];
  for (int pass = 0; pass < PASSES; pass++) {
    double start = cpu_us();
    for (int f = 0; f < FRAMES; f++)
      for (int s = 0; s < SPEAKERS; s++)
        if (opus_decode(decoders[s], packets[s][f], lengths[s][f], pcm, 160, 0) != 160) return 1;
    double middle = cpu_us();
    for (int f = 0; f < FRAMES; f++)
      if (opus_encode(encoder, phone + f * 160, 160, packet, sizeof packet) < 1) return 1;
    decode[pass] = (middle - start) / FRAMES;
    encode[pass] = (cpu_us() - middle) / FRAMES;
  }
  double d = least(decode), e = least(encode);
  printf("{\"decodeUs\":%.2f,\"encodeUs\":%.2f,\"perCallUs\":%.2f,\"version\":\"%s\"}\n", d, e, d + e,
         opus_get_version_string());
  return 0;
}
