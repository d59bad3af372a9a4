/** Publication events of any broker, of which some get lost, come twice, late or out of order, as a seed says. */
import type { LogEvents } from "../../../packages/holdfast/src/channels/log.js";
import type { Publication } from "../../../packages/holdfast/src/wire/messages.js";
import { Random } from "../../torture/random.js";

type PublicationEvent = readonly [channel: string, publication: Publication, epoch: string];
type OnPublication = LogEvents["onPublication"];

/** Most events that wait. */
const maxHeld = 20;

export class FaultyEvents {
  /** How many were lost, and how many doubled, delayed or reordered. */
  readonly counts = { lost: 0, doubled: 0, late: 0 };
  readonly #random: Random;
  readonly #tell: OnPublication;
  #held: PublicationEvent[] = [];

  constructor(seed: number, tell: OnPublication) {
    this.#random = new Random(seed);
    this.#tell = tell;
  }

  readonly onPublication: OnPublication = (...event) => {
    const random = this.#random;
    const fate = random.next();
    if (fate < 0.3) this.counts.lost++;
    else if (fate < 0.5) {
      this.counts.late++;
      this.#held.push(event);
    } else {
      this.#tell(...event);
      if (fate < 0.6) {
        this.counts.doubled++;
        this.#held.push(event);
      }
    }
    while (this.#held.length > 0 && (this.#held.length > maxHeld || random.chance(0.3))) this.#tellOne();
  };

  /** Events that still wait are lost. */
  loseHeld(): void {
    this.counts.lost += this.#held.length;
    this.#held = [];
  }

  #tellOne(): void {
    const at = this.#random.integer(0, this.#held.length - 1);
    for (const event of this.#held.splice(at, 1)) this.#tell(...event);
  }
}
