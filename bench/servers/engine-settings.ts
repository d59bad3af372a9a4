/** What the servers of the engine benchmark have in common. */

export const isCompressing = process.argv.includes("compressing");

/** Each compresses as it does by default. */
export const isCompressingByDefault = process.argv.includes("compressing-by-default");

/** Both compress alike: the same effort, every message by itself. */
export const deflateSettings = { thresholdBytes: 1024, level: 3, memLevel: 8 };
