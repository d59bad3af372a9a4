/**
 * An application as the compiler sees it: which names, parameters and data go together. Imports nothing, so that a typed client
 * takes the application of any copy of the server package by its shape alone.
 */

/** A channel: what clients publish in it, and what subscribers get. The property exists for the compiler only. */
export interface AnyChannel {
  readonly "~types"?: { readonly input: unknown; readonly published: unknown };
}

/** A method: what it takes, and what it returns. */
export interface AnyMethod {
  readonly "~types"?: { readonly input: unknown; readonly result: unknown };
}

/** Any application, as `defineApp` makes it. */
export interface AnyApp {
  readonly "~types"?: {
    readonly channels: Readonly<Record<string, AnyChannel>>;
    readonly methods: Readonly<Record<string, AnyMethod>>;
  };
}

type Channels<A extends AnyApp> = A extends { readonly "~types"?: { readonly channels: infer C } }
  ? C
  : never;
type Methods<A extends AnyApp> = A extends { readonly "~types"?: { readonly methods: infer M } } ? M : never;

/** The patterns of an application's channels. */
export type ChannelPattern<A extends AnyApp> = keyof Channels<A> & string;
/** The names of an application's methods. */
export type MethodName<A extends AnyApp> = keyof Methods<A> & string;
/** The names that an application's channels may have, such as `chat:${string}`. */
export type ChannelName<A extends AnyApp> = { [P in ChannelPattern<A>]: NameFor<P> }[ChannelPattern<A>];

type ParamName<P extends string> = P extends `${infer Name}*` ? Name : P;

/** The parameters of a pattern: `{ room: string }` for `chat:{room}`. */
export type PatternParams<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in ParamName<Name>]: string } & PatternParams<Rest>
  : unknown;

/** Whether a pattern has parameters. */
export type HasParams<P extends string> = P extends `${string}{${string}}${string}` ? true : false;

/** The names that match a pattern: `chat:${string}` for `chat:{room}`. */
type NameFor<P extends string> = P extends `${infer Before}{${string}}${infer Rest}`
  ? `${Before}${string}${NameFor<Rest>}`
  : P;

/** The patterns that a name may match. */
type MatchingPattern<A extends AnyApp, N extends string> = {
  [P in ChannelPattern<A>]: N extends NameFor<P> ? P : never;
}[ChannelPattern<A>];

/** The same names, written out: compilers print the names in errors where they would print the name of a type. */
type Spelled<N extends string> = { names: keyof { [K in N as `${K}`]: K } & string }["names"];

/** A pattern, or a name that matches one. For anything else, all patterns, so that errors list them. */
export type ChannelArgument<A extends AnyApp, P extends string> =
  P extends ChannelPattern<A>
    ? P
    : P extends `${string}{${string}`
      ? Spelled<ChannelPattern<A>>
      : P extends ChannelName<A>
        ? P
        : Spelled<ChannelPattern<A>>;

/** The name of a method. For anything else, all names, so that errors list them. */
export type MethodArgument<A extends AnyApp, M extends string> =
  M extends MethodName<A> ? M : Spelled<MethodName<A>>;

type InputOf<T> = T extends { readonly "~types"?: { readonly input: infer I } } ? I : never;
type PublishedOf<T> = T extends { readonly "~types"?: { readonly published: infer P } } ? P : never;
type ResultOf<T> = T extends { readonly "~types"?: { readonly result: infer R } } ? R : never;

/** The channel of a pattern, or those that a name may be of. */
type ChannelOf<A extends AnyApp, P extends string> = Channels<A>[P extends ChannelPattern<A>
  ? P
  : MatchingPattern<A, P> & ChannelPattern<A>];

/** What clients publish in a channel, which is given by its pattern or by its name. */
export type ChannelInput<A extends AnyApp, P extends string> = InputOf<ChannelOf<A, P>>;
/** What subscribers of a channel get, which is given by its pattern or by its name. */
export type ChannelData<A extends AnyApp, P extends string> = PublishedOf<ChannelOf<A, P>>;

/** Whether data is bytes. */
type IsBytes<Data> = [Data] extends [never]
  ? false
  : 0 extends 1 & Data
    ? false
    : Data extends Uint8Array
      ? true
      : false;

/** The patterns of an application's channels of bytes. */
type BinaryPattern<A extends AnyApp> = {
  [P in ChannelPattern<A>]: true extends IsBytes<ChannelData<A, P>> ? P : never;
}[ChannelPattern<A>];

/** What channels carry, by pattern: all those of bytes have to be named. */
export type Payloads<A extends AnyApp> =
  string extends ChannelPattern<A>
    ? Readonly<Record<string, "json" | "binary">>
    : { readonly [P in BinaryPattern<A>]: "binary" } & {
        readonly [P in Exclude<ChannelPattern<A>, BinaryPattern<A>>]?: "json";
      };

/** Whether a client has to be told what channels carry. */
export type HasBinaryChannels<A extends AnyApp> =
  string extends ChannelPattern<A> ? false : [BinaryPattern<A>] extends [never] ? false : true;

/** What a method takes. */
export type MethodInput<A extends AnyApp, M extends MethodName<A>> = InputOf<Methods<A>[M]>;
/** What a method returns. */
export type MethodResult<A extends AnyApp, M extends MethodName<A>> = ResultOf<Methods<A>[M]>;
