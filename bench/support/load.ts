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
