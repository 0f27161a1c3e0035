import { fileURLToPath } from 'node:url';

/** Made by scripts/make-hold-music.ts. */
const ownMusic = fileURLToPath(new URL('../../sounds/hold-music.opus', import.meta.url));

/** The sound file that `CallProfile.holdMusic` stands for; undefined: none. */
export function holdMusicFile(setting = 'off'): string | undefined {
  if (setting === 'off') return undefined;
  return setting === 'on' ? ownMusic : setting;
}
