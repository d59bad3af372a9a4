/** Work for a server that can be given for some time and counted, and what ends it early: a failure, or a stall. */

/** Work for a server, which can be given for some time and counted. */
export interface Load {
  /** Gives work till the time is over, and waits for the end of all of it. */
  runFor(seconds: number): Promise<Done>;
  /** @throws Error unless everything since the beginning has come as it should */
  verify(): Promise<void>;
  close(): void;
}

export interface Done {
  readonly units: number;
  readonly seconds: number;
}

export const stallTimeoutMs = 10_000;

/**
 * Calls `onStall` when `progress` gives the same number twice with the timeout between.
 * @returns what to give to `clearInterval` when all has come
 */
export function watchForStall(progress: () => number, onStall: () => void): NodeJS.Timeout {
  let last = progress();
  return setInterval(() => {
    const now = progress();
    if (now === last) onStall();
    last = now;
  }, stallTimeoutMs);
}

/** The first failure of a run; later ones only follow from it. */
export class FirstFailure {
  error: Error | undefined;
  /** Called for each, with the first. */
  onFail: (error: Error) => void = () => {};

  readonly fail = (error: Error): void => {
    this.error ??= error;
    this.onFail(this.error);
  };

  /** @returns a listener that fails the run where `receive` throws */
  guard(receive: (message: string) => void): (message: string) => void {
    return (message) => {
      try {
        receive(message);
      } catch (error) {
        this.fail(error as Error);
      }
    };
  }
}
