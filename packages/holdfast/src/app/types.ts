/** What the compiler makes of an application: which names, parameters and data go together. */
import type { InputOf, PublishedOf } from "./channel.js";
import type { App } from "./define-app.js";
import type { RpcInputOf, RpcResultOf } from "./rpc.js";

export type ChannelsOf<A> = A extends App<infer C, infer _M> ? C : never;
export type MethodsOf<A> = A extends App<infer _C, infer M> ? M : never;

/** The patterns of an application's channels. */
export type PatternsOf<A> = keyof ChannelsOf<A> & string;
export type MethodNamesOf<A> = keyof MethodsOf<A> & string;

type NameOf<P extends string> = P extends `${infer Name}*` ? Name : P;

/** The parameters of a pattern: `{ room: string }` for `chat:{room}`. */
export type ParamsOf<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in NameOf<Name>]: string } & ParamsOf<Rest>
  : unknown;

/** Whether a pattern has any. */
export type HasParams<P extends string> = P extends `${string}{${string}}${string}` ? true : false;

/** The names that match a pattern, as far as the compiler can say: `chat:${string}` for `chat:{room}`. */
export type NamesOf<P extends string> = P extends `${infer Before}{${string}}${infer Rest}`
  ? `${Before}${string}${NamesOf<Rest>}`
  : P;

/** The names of an application's channels. */
export type ChannelNamesOf<A> = { [P in PatternsOf<A>]: NamesOf<P> }[PatternsOf<A>];

/** The patterns that a name may be of. */
export type PatternFor<A, N extends string> = {
  [P in PatternsOf<A>]: N extends NamesOf<P> ? P : never;
}[PatternsOf<A>];

/** The same names; compilers write them out, where they would else name the type. */
type Listed<N extends string> = { names: keyof { [K in N as `${K}`]: K } & string }["names"];

/** What names a channel: a pattern, or a name that matches one. Where neither is meant, the patterns, so that errors list them. */
export type ChannelArgument<A, P extends string> =
  P extends PatternsOf<A>
    ? P
    : P extends `${string}{${string}`
      ? Listed<PatternsOf<A>>
      : P extends ChannelNamesOf<A>
        ? P
        : Listed<PatternsOf<A>>;

/** The pattern itself, or those that the name may be of. */
export type PatternOf<A, P extends string> = P extends PatternsOf<A> ? P : PatternFor<A, P> & PatternsOf<A>;

/** The name of a method. Where there is none of this name, all names, so that errors list them. */
export type MethodArgument<A, M extends string> = M extends MethodNamesOf<A> ? M : Listed<MethodNamesOf<A>>;

/** What clients publish in channels of a pattern. */
export type InputFor<A, P extends PatternsOf<A>> = InputOf<ChannelsOf<A>[P]>;
/** What subscribers get of channels of a pattern. */
export type DataFor<A, P extends PatternsOf<A>> = PublishedOf<ChannelsOf<A>[P]>;
/** What subscribers get of a channel. */
export type DataOfName<A, N extends string> = DataFor<A, PatternFor<A, N> & PatternsOf<A>>;

export type ArgumentOf<A, M extends MethodNamesOf<A>> = RpcInputOf<MethodsOf<A>[M]>;
export type ResultOf<A, M extends MethodNamesOf<A>> = RpcResultOf<MethodsOf<A>[M]>;
