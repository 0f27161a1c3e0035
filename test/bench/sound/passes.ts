import { wireNow } from '../../kit/wire-clock.ts';
import { type AudioCodec, audioCodecs, type Condition, conditions } from './conditions.ts';
import { CoreWatch } from './disturbances.ts';
import { leadSeconds, type Material, type PieceResult, results } from './measure.ts';
import { pieceSeconds } from './pieces.ts';
import { type CallPassages, type SoundCall, SoundStage } from './stage.ts';

const seed = 20_261;
/** Pieces that were disturbed are played again, so often in all. */
const mostPasses = { quick: 2, full: 3 };

export interface Through {
  readonly found: readonly PieceResult[];
  readonly passes: number;
  /** Pieces that were disturbed in every pass. */
  readonly disturbedPieces: number;
  readonly latestMs: number;
}

/** All pieces in every codec, direction and condition. */
export async function throughGateway(
  material: Material,
  quick: boolean,
  say: (text: string) => void,
): Promise<Through> {
  const stage = await SoundStage.start();
  const watch = await CoreWatch.start();
  try {
    const calls: OpenCall[] = [];
    for (const codec of audioCodecs) {
      for (const condition of conditions) calls.push({ codec, condition, call: await stage.call(codec) });
    }
    const passes: Pass[] = [];
    let chosen: number[] = [];
    do {
      say(`${calls.length} calls of ${material.pieces.length} pieces each, all at once`);
      passes.push(await playPass(material, calls, passes.length, watch));
      chosen = calmest(passes, material.pieces.length);
    } while (passes.length < mostPasses[quick ? 'quick' : 'full'] && isDisturbed(passes, chosen));
    say('the codecs alone, on the same packets');
    const found: PieceResult[] = [];
    for (const [number, { played }] of passes.entries()) {
      const pieces = new Set(chosen.flatMap((pass, piece) => (pass === number ? [piece] : [])));
      for (const { codec, condition, toPhone, toRoom } of pieces.size > 0 ? played : []) {
        found.push(...(await results(material, codec, condition, 'room to phone', toPhone, pieces)));
        found.push(...(await results(material, codec, condition, 'phone to room', toRoom, pieces)));
      }
    }
    const latest = chosen.map((pass, piece) => passes[pass]?.latestMs[piece] ?? 0);
    return {
      found,
      passes: passes.length,
      disturbedPieces: latest.filter((ms) => ms > 0).length,
      latestMs: Math.max(...latest),
    };
  } finally {
    watch.stop();
    await stage.stop();
  }
}

interface OpenCall {
  readonly codec: AudioCodec;
  readonly condition: Condition;
  readonly call: SoundCall;
}

interface Pass {
  readonly played: readonly (CallPassages & {
    readonly codec: AudioCodec;
    readonly condition: Condition['name'];
  })[];
  /** By piece: by how much an end or a core was late at most; 0: by nothing that matters. */
  readonly latestMs: readonly number[];
}

async function playPass(
  material: Material,
  calls: readonly OpenCall[],
  number: number,
  watch: CoreWatch,
): Promise<Pass> {
  const startedAt = wireNow();
  const played = await Promise.all(
    calls.map(async ({ codec, condition, call }, index) => {
      const seedOfCall = seed + 10 * index + 1000 * number;
      const passages = await call.play(material.streams(codec), condition, seedOfCall);
      return { codec, condition: condition.name, ...passages };
    }),
  );
  const disturbances = [...watch.found, ...played.flatMap(({ late }) => late)];
  const latestMs = material.pieces.map((_, piece) => {
    const from = startedAt + (leadSeconds + piece * pieceSeconds - 0.5) * 1000;
    const within = disturbances.filter(({ at }) => at >= from && at < from + (pieceSeconds + 1) * 1000);
    return Math.max(0, ...within.map(({ lateMs }) => lateMs));
  });
  return { played, latestMs };
}

/** For each piece the pass in which it was disturbed least. */
function calmest(passes: readonly Pass[], pieces: number): number[] {
  return Array.from({ length: pieces }, (_, piece) => {
    const latest = passes.map(({ latestMs }) => latestMs[piece] ?? 0);
    return latest.indexOf(Math.min(...latest));
  });
}

function isDisturbed(passes: readonly Pass[], chosen: readonly number[]): boolean {
  return chosen.some((pass, piece) => (passes[pass]?.latestMs[piece] ?? 0) > 0);
}
