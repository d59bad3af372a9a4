/** The question that the form of `why` asks: its fields as they are typed, and the API's parameters made of them. */

export interface Question {
  readonly channel: string;
  readonly user: string;
  readonly offset: string;
  readonly idempotency_key: string;
  readonly client: string;
  readonly epoch: string;
}

export const emptyQuestion: Question = Object.freeze({
  channel: "",
  user: "",
  offset: "",
  idempotency_key: "",
  client: "",
  epoch: "",
});

/** @returns parameters, or what is wrong, as a sentence */
export function paramsOf({ channel, user, offset, ...others }: Question): object | string {
  if (channel.trim() === "") return "Name a channel.";
  const number = offset.trim().replaceAll(",", "");
  if (number !== "" && !/^[1-9]\d*$/.test(number)) return "The offset must be a number of at least 1.";
  const given = Object.entries(others).filter(([, value]) => value.trim() !== "");
  return {
    channel: channel.trim(),
    user: user.trim(),
    ...(number !== "" && { offset: Number(number) }),
    ...Object.fromEntries(given.map(([name, value]) => [name, value.trim()])),
  };
}
