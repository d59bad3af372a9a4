import { describe, expect, expectTypeOf, it } from "vitest";
import type { z } from "zod";
import type { AllowOptions, ChannelOptions, HistoryOptions } from "../../src/app/channel.js";
import { App, type AppOptions, type Channels, type Methods } from "../../src/app/define-app.js";
import type { TokenOptions } from "../../src/auth/jwt-options.js";
import {
  channelSchema,
  codeSchema,
  configJsonSchema,
  dataSchema,
  type jwtSchema,
} from "../../src/config/config-schema.js";
import type {
  ChannelCode,
  ChannelConfig,
  DescribedConfig,
  ServerConfig,
} from "../../src/config/define-config.js";
import type { ServerOptions } from "../../src/options/options.js";
import { serverOptions } from "../../src/options/schema.js";

type ChannelShape = z.input<typeof channelSchema>;

describe("shape of a configuration", () => {
  it("has every option of a channel that is no code, and no other", () => {
    expectTypeOf<keyof ChannelShape>().toEqualTypeOf<Exclude<keyof ChannelOptions, ChannelCode>>();
    expectTypeOf<keyof NonNullable<ChannelShape["map"]>>().toEqualTypeOf<
      keyof NonNullable<ChannelOptions["map"]>
    >();
    expectTypeOf<keyof NonNullable<ChannelShape["allow"]>>().toEqualTypeOf<keyof AllowOptions>();
    expectTypeOf<keyof Exclude<ChannelShape["history"], false | undefined>>().toEqualTypeOf<
      keyof HistoryOptions
    >();
    expectTypeOf<ChannelConfig["kind"]>().toEqualTypeOf<ChannelOptions["kind"]>();
    expectTypeOf<NonNullable<ChannelShape["kind"]>>().toEqualTypeOf<NonNullable<ChannelOptions["kind"]>>();
    expectTypeOf<NonNullable<ChannelShape["durability"]>>().toEqualTypeOf<
      NonNullable<ChannelOptions["durability"]>
    >();
    expectTypeOf<NonNullable<ChannelShape["recovery"]>>().toEqualTypeOf<
      NonNullable<ChannelOptions["recovery"]>
    >();
    expectTypeOf<NonNullable<ChannelShape["recoveryMode"]>>().toEqualTypeOf<
      NonNullable<ChannelOptions["recoveryMode"]>
    >();
  });

  it("has every option of tokens that is no code, and no other", () => {
    expectTypeOf<keyof z.input<typeof jwtSchema>>().toEqualTypeOf<
      Exclude<keyof TokenOptions, "now" | "fetch" | "onError">
    >();
  });

  it("has every option of an application that is no code", () => {
    type Code = "rpc" | "onConnect" | "onDisconnect" | "onMessage";
    expectTypeOf<Exclude<keyof DescribedConfig, keyof ServerConfig | "app">>().toEqualTypeOf<
      Exclude<keyof AppOptions<Channels, Methods>, Code>
    >();
  });

  it("has every option of the server", () => {
    expectTypeOf<Exclude<keyof ServerOptions, keyof ServerConfig>>().toEqualTypeOf<
      "authenticate" | "rulesFor"
    >();
    const {
      authenticate: _who,
      rulesFor: _rules,
      routes: _routes,
      traceSocket: _trace,
      ...others
    } = serverOptions;
    expect(Object.keys(codeSchema.shape)).toEqual(expect.arrayContaining(Object.keys(others)));
  });

  it("takes code in files that are code only", () => {
    const config = { app: new App({}), onError: () => {} };
    expect(codeSchema.safeParse(config).success).toBe(true);
    expect(dataSchema.safeParse(config).success).toBe(false);
  });

  it("is a JSON Schema for editors that says the same", () => {
    const schema = configJsonSchema() as {
      additionalProperties: boolean;
      properties: Record<string, { additionalProperties?: { properties: object } }>;
    };
    expect(schema.additionalProperties).toBe(false);
    expect(Object.keys(schema.properties)).toEqual(Object.keys(dataSchema.shape));
    const channel = schema.properties.channels?.additionalProperties;
    expect(Object.keys(channel?.properties ?? {})).toEqual(Object.keys(channelSchema.shape));
    expect(schema.properties.maxConnections).toEqual({
      type: ["integer", "null"],
      minimum: 1,
      description: "Maximum number of WebSockets and streams, closing ones included",
    });
    expect(schema.properties.durability).toMatchObject({ enum: ["memory", "process", "disk"] });
  });
});
