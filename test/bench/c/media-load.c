/* The load for the bench of the media engine: one program that is the videobridge and the telephones of several hundred calls. It has
 * nothing of the gateway in it: DTLS is OpenSSL's, SRTP is libsrtp's. Single thread; all bridge legs on one socket, as a videobridge has
 * them, and all telephones on another.
 *
 *   media-load FRAMES MULAW LEGS
 *
 * FRAMES and MULAW come from codec-floor. Prints {"bridgePort":..,"phonePort":..,"fingerprint":".."}; leg n has the ICE user name
 * legNNNNN and the password "password-of-the-leg-NNNNN". Then it obeys lines:
 *
 *   leg N ROOM PORT TALKS   phone N's gateway port; TALKS 1: it speaks, 0: it hears the noise of a quiet room; starts both ends
 *   end N                   the leg is silent from now on
 *   report                  prints a line of JSON about the time since the last report
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <srtp2/srtp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { SPEAKERS = 3, FRAMES = 500, MAX_LEGS = 1000, LATE = 200, BATCH = 64, OPUS = 111, LEVEL_ID = 1 };

struct leg {
  int active, talks, room, started;
  struct sockaddr_in bridge, phone;
  SSL *ssl;
  srtp_t out, in;
  uint16_t phone_seq;
  uint32_t phone_ts;
  int phone_slot;
  /* the phone hears */
  int heard, next_seq;
  uint32_t first_ts;
  double base_ms;
};

static struct { unsigned char level; uint16_t length; unsigned char data[400]; } frames[SPEAKERS][FRAMES];
static unsigned char mulaw[FRAMES * 160];
static struct leg legs[MAX_LEGS];
static int by_bridge_port[65536], by_phone_port[65536], leg_count;
static int bridge_socket, phone_socket;
static SSL_CTX *context;

static struct {
  long to_gateway_bridge, to_gateway_phone, from_gateway_bridge, from_gateway_phone;
  long gaps, refused, not_sent;
  long own_late[LATE + 1], phone_late[LATE + 1];
  double cpu0, wall0;
} stats;

static double clock_ms(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}
static double now_ms(void) { return clock_ms(CLOCK_MONOTONIC); }

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void load(const char *frames_file, const char *mulaw_file) {
  FILE *f = fopen(frames_file, "rb"), *m = fopen(mulaw_file, "rb");
  if (!f || !m || fread(mulaw, 1, sizeof mulaw, m) != sizeof mulaw) die("frames");
  for (int s = 0; s < SPEAKERS; s++)
    for (int n = 0; n < FRAMES; n++) {
      int level = fgetc(f), high = fgetc(f), low = fgetc(f), length = high << 8 | low;
      if (low == EOF || length > 400) die("frames");
      frames[s][n].level = level;
      frames[s][n].length = length;
      if (fread(frames[s][n].data, 1, length, f) != (size_t)length) die("frames");
    }
  fclose(f);
  fclose(m);
}

static int udp_socket(int *port) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 8 << 20;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) die("bind");
  getsockname(fd, (struct sockaddr *)&address, &length);
  *port = ntohs(address.sin_port);
  return fd;
}

/* --- STUN: answers every check of a leg that is ours --- */

static uint32_t crc32_of(const unsigned char *data, int length) {
  uint32_t crc = ~0u;
  for (int i = 0; i < length; i++) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
  }
  return ~crc;
}

static void put16(unsigned char *at, int value) { at[0] = value >> 8; at[1] = value; }
static void put32(unsigned char *at, uint32_t value) { put16(at, value >> 16); put16(at + 2, value & 0xffff); }

static void stun(const unsigned char *request, int length, struct sockaddr_in *from) {
  int leg = -1;
  if (length < 20 || request[0] != 0 || request[1] != 1) return;
  for (int at = 20; at + 4 <= length;) {
    int type = request[at] << 8 | request[at + 1], size = request[at + 2] << 8 | request[at + 3];
    if (type == 6 && size >= 9 && !memcmp(request + at + 4, "leg", 3)) leg = atoi((const char *)request + at + 7);
    at += 4 + ((size + 3) & ~3);
  }
  if (leg < 0 || leg >= leg_count) return;
  by_bridge_port[ntohs(from->sin_port)] = leg + 1;
  legs[leg].bridge = *from;
  unsigned char answer[80] = {1, 1, 0, 12};
  memcpy(answer + 4, request + 4, 16);
  put16(answer + 20, 0x20);
  put16(answer + 22, 8);
  put16(answer + 24, 1);
  put16(answer + 26, ntohs(from->sin_port) ^ 0x2112);
  put32(answer + 28, ntohl(from->sin_addr.s_addr) ^ 0x2112a442);
  char password[64];
  snprintf(password, sizeof password, "password-of-the-leg-%05d", leg);
  put16(answer + 2, 12 + 24);
  put16(answer + 32, 8);
  put16(answer + 34, 20);
  HMAC(EVP_sha1(), password, strlen(password), answer, 32, answer + 36, NULL);
  put16(answer + 2, 12 + 24 + 8);
  put16(answer + 56, 0x8028);
  put16(answer + 58, 4);
  put32(answer + 60, crc32_of(answer, 56) ^ 0x5354554e);
  sendto(bridge_socket, answer, 64, 0, (struct sockaddr *)from, sizeof *from);
}

/* --- DTLS: server --- */

static int accept_any(int ok, X509_STORE_CTX *store) { (void)ok; (void)store; return 1; }

static void make_context(char *fingerprint) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_set_version(certificate, 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (unsigned char *)"load", -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  unsigned char digest[32];
  X509_digest(certificate, EVP_sha256(), digest, NULL);
  for (int i = 0; i < 32; i++) sprintf(fingerprint + 3 * i, "%02X%s", digest[i], i < 31 ? ":" : "");
  context = SSL_CTX_new(DTLS_server_method());
  SSL_CTX_use_certificate(context, certificate);
  SSL_CTX_use_PrivateKey(context, key);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_any);
  /* As a videobridge does, it takes GCM when that is offered. */
  SSL_CTX_set_tlsext_use_srtp(context, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80");
}

static srtp_t session(const unsigned char *key, const unsigned char *salt, int is_gcm, srtp_ssrc_type_t direction) {
  unsigned char master[30];
  srtp_policy_t policy;
  srtp_t created;
  memset(&policy, 0, sizeof policy);
  memcpy(master, key, 16);
  memcpy(master + 16, salt, is_gcm ? 12 : 14);
  if (is_gcm) {
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
  } else {
    srtp_crypto_policy_set_rtp_default(&policy.rtp);
    srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
  }
  policy.ssrc.type = direction;
  policy.key = master;
  policy.window_size = 1024;
  if (srtp_create(&created, &policy)) die("srtp_create");
  return created;
}

static void secure(struct leg *leg) {
  unsigned char material[60];
  int is_gcm = SSL_get_selected_srtp_profile(leg->ssl)->id == SRTP_AEAD_AES_128_GCM, salt = is_gcm ? 12 : 14;
  SSL_export_keying_material(leg->ssl, material, 32 + 2 * salt, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0);
  leg->in = session(material, material + 32, is_gcm, ssrc_any_inbound);
  leg->out = session(material + 16, material + 32 + salt, is_gcm, ssrc_any_outbound);
}

static void dtls(struct leg *leg, const unsigned char *data, int length, struct sockaddr_in *from) {
  if (!leg->ssl) {
    leg->ssl = SSL_new(context);
    SSL_set_options(leg->ssl, SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(leg->ssl, 1200);
    SSL_set_bio(leg->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(leg->ssl);
  }
  BIO_write(SSL_get_rbio(leg->ssl), data, length);
  unsigned char out[4096];
  SSL_do_handshake(leg->ssl);
  int pending = BIO_read(SSL_get_wbio(leg->ssl), out, sizeof out);
  if (pending > 0) sendto(bridge_socket, out, pending, 0, (struct sockaddr *)from, sizeof *from);
  if (!leg->out && SSL_is_init_finished(leg->ssl)) secure(leg);
  ERR_clear_error();
}

/* --- Receiving --- */

static void hear(struct leg *leg, const unsigned char *packet, int length, double at) {
  if (length < 13) return;
  int sequence = packet[2] << 8 | packet[3];
  uint32_t timestamp = (uint32_t)packet[4] << 24 | packet[5] << 16 | packet[6] << 8 | packet[7];
  stats.from_gateway_phone++;
  if (!leg->heard) {
    leg->first_ts = timestamp;
    leg->base_ms = at;
  } else if (sequence != leg->next_seq) {
    stats.gaps++;
  }
  leg->heard = 1;
  leg->next_seq = (sequence + 1) & 0xffff;
  double due = leg->base_ms + (uint32_t)(timestamp - leg->first_ts) / 8.0;
  if (at < due) leg->base_ms -= due - at;
  int late = at > due ? (int)(at - due) : 0;
  stats.phone_late[late > LATE ? LATE : late]++;
}

static void from_bridge_side(unsigned char *data, int length, struct sockaddr_in *from) {
  if (length < 2) return;
  if (data[0] < 4) {
    stun(data, length, from);
    return;
  }
  int number = by_bridge_port[ntohs(from->sin_port)] - 1;
  if (number < 0) return;
  struct leg *leg = &legs[number];
  if (data[0] >= 20 && data[0] <= 63) {
    dtls(leg, data, length, from);
  } else if (leg->in) {
    int is_rtcp = data[1] >= 192 && data[1] <= 223;
    if (is_rtcp ? srtp_unprotect_rtcp(leg->in, data, &length) : srtp_unprotect(leg->in, data, &length)) stats.refused++;
    else if (!is_rtcp) stats.from_gateway_bridge++;
  }
}

static void drain(int fd) {
  static unsigned char buffers[BATCH][2048];
  static struct mmsghdr messages[BATCH];
  static struct iovec vectors[BATCH];
  static struct sockaddr_in senders[BATCH];
  int count;
  do {
    for (int i = 0; i < BATCH; i++) {
      vectors[i] = (struct iovec){buffers[i], sizeof buffers[i]};
      messages[i].msg_hdr = (struct msghdr){.msg_name = &senders[i], .msg_namelen = sizeof senders[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    double at = now_ms();
    for (int i = 0; i < count; i++) {
      if (fd == bridge_socket) {
        from_bridge_side(buffers[i], messages[i].msg_len, &senders[i]);
      } else {
        int leg = by_phone_port[ntohs(senders[i].sin_port)] - 1;
        if (leg >= 0) hear(&legs[leg], buffers[i], messages[i].msg_len, at);
      }
    }
  } while (count == BATCH);
}

/* --- Sending --- */

static void send_to(int fd, const void *data, int length, struct sockaddr_in *to, long *counter) {
  if (sendto(fd, data, length, 0, (struct sockaddr *)to, sizeof *to) == length) ++*counter;
  else stats.not_sent++;
}

static void forward(struct leg *leg, int speaker, long tick) {
  unsigned char packet[600] = {0x90, OPUS};
  int frame = (tick + leg->room * 37) % FRAMES;
  put16(packet + 2, (tick + speaker * 1000) & 0xffff);
  put32(packet + 4, (uint32_t)tick * 960);
  put32(packet + 8, 1000000 + leg->room * 10 + speaker);
  put32(packet + 12, 0xbede0001);
  put32(packet + 16, (uint32_t)LEVEL_ID << 28 | (uint32_t)(0x80 | frames[speaker][frame].level) << 16);
  memcpy(packet + 20, frames[speaker][frame].data, frames[speaker][frame].length);
  int length = 20 + frames[speaker][frame].length;
  if (srtp_protect(leg->out, packet, &length)) stats.refused++;
  else send_to(bridge_socket, packet, length, &leg->bridge, &stats.to_gateway_bridge);
}

static void say(struct leg *leg, int number, long tick) {
  static const unsigned char quiet[4] = {0xff, 0x7f, 0xfe, 0x7e};
  static uint32_t noise = 1;
  unsigned char packet[172] = {0x80, 0};
  put16(packet + 2, leg->phone_seq++);
  put32(packet + 4, leg->phone_ts += 160);
  put32(packet + 8, 5000 + number);
  if (leg->talks) memcpy(packet + 12, mulaw + (tick + number * 31) % FRAMES * 160, 160);
  else for (int i = 0; i < 160; i++) packet[12 + i] = quiet[(noise = noise * 1664525u + 1013904223u) >> 30];
  send_to(phone_socket, packet, sizeof packet, &leg->phone, &stats.to_gateway_phone);
}

/* A millisecond of the 20: each speaker of each room, and each phone, has its own. */
static void slot(long ms) {
  long tick = ms / 20;
  int at = ms % 20;
  for (int i = 0; i < leg_count; i++) {
    struct leg *leg = &legs[i];
    if (!leg->active || !leg->out) continue;
    for (int s = 0; s < SPEAKERS; s++)
      if ((leg->room * 3 + s * 7) % 20 == at) forward(leg, s, tick);
    if ((i * 11) % 20 == at) say(leg, i, tick);
  }
}

/* --- Commands --- */

static double percentile(const long *histogram, double part) {
  long total = 0, seen = 0;
  for (int i = 0; i <= LATE; i++) total += histogram[i];
  for (int i = 0; i <= LATE; i++)
    if ((seen += histogram[i]) >= total * part) return i + 1;
  return 0;
}

static void report(void) {
  double wall = now_ms(), cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
  printf("{\"toBridgeLegs\":%ld,\"toPhoneLegs\":%ld,\"atBridge\":%ld,\"atPhones\":%ld,\"gaps\":%ld,\"refused\":%ld,\"notSent\":%ld,"
         "\"ownLateP99Ms\":%.0f,\"phoneLateP50Ms\":%.0f,\"phoneLateP99Ms\":%.0f,\"phoneLateP999Ms\":%.0f,\"cpuPercent\":%.1f,\"seconds\":%.3f}\n",
         stats.to_gateway_bridge, stats.to_gateway_phone, stats.from_gateway_bridge, stats.from_gateway_phone, stats.gaps,
         stats.refused, stats.not_sent, percentile(stats.own_late, 0.99), percentile(stats.phone_late, 0.5),
         percentile(stats.phone_late, 0.99), percentile(stats.phone_late, 0.999),
         100 * (cpu - stats.cpu0) / (wall - stats.wall0), (wall - stats.wall0) / 1000);
  fflush(stdout);
  memset(&stats, 0, sizeof stats);
  stats.cpu0 = cpu;
  stats.wall0 = wall;
  for (int i = 0; i < leg_count; i++) legs[i].heard = 0;
}

static void command(const char *line) {
  int number, room, port, talks;
  if (sscanf(line, "leg %d %d %d %d", &number, &room, &port, &talks) == 4 && number >= 0 && number < leg_count) {
    struct leg *leg = &legs[number];
    leg->room = room;
    leg->talks = talks;
    leg->phone = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    by_phone_port[port] = number + 1;
    leg->active = 1;
  } else if (sscanf(line, "end %d", &number) == 1 && number >= 0 && number < leg_count) {
    legs[number].active = 0;
  } else if (!strncmp(line, "report", 6)) {
    report();
  }
}

static void commands(void) {
  static char text[65536];
  static int length;
  int got = read(0, text + length, sizeof text - 1 - length);
  if (got == 0 || (got < 0 && errno != EAGAIN)) exit(0);
  if (got < 0) return;
  text[length += got] = 0;
  char *line = text, *end;
  while ((end = strchr(line, '\n'))) {
    *end = 0;
    command(line);
    line = end + 1;
  }
  length -= line - text;
  memmove(text, line, length);
}

int main(int argc, char **argv) {
  char fingerprint[100];
  int bridge_port, phone_port;
  if (argc != 4 || (leg_count = atoi(argv[3])) < 1 || leg_count > MAX_LEGS) return 64;
  load(argv[1], argv[2]);
  srtp_init();
  make_context(fingerprint);
  bridge_socket = udp_socket(&bridge_port);
  phone_socket = udp_socket(&phone_port);
  printf("{\"bridgePort\":%d,\"phonePort\":%d,\"fingerprint\":\"%s\"}\n", bridge_port, phone_port, fingerprint);
  fflush(stdout);
  fcntl(0, F_SETFL, O_NONBLOCK);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec every = {{0, 1000000}, {0, 1000000}};
  timerfd_settime(timer, 0, &every, NULL);
  /* The sockets are read every millisecond, not when something comes: else each packet of the gateway would wake this process, and the
   * gateway would pay for that, which on a real network it does not. */
  struct pollfd polled[2] = {{0, POLLIN, 0}, {timer, POLLIN, 0}};
  double origin = now_ms();
  long done = 0;
  report();
  for (;;) {
    poll(polled, 2, -1);
    drain(bridge_socket);
    drain(phone_socket);
    if (polled[0].revents) commands();
    uint64_t expirations;
    if (polled[1].revents && read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN) die("timer");
    for (double now = now_ms(); done < (long)(now - origin); done++, now = now_ms()) {
      int late = (int)(now - origin) - (int)done - 1;
      stats.own_late[late > LATE ? LATE : late]++;
      slot(done);
    }
  }
}
