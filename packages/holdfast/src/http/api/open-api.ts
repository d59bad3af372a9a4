/** The OpenAPI document (3.1) of the API, made of the shapes of its methods. */
import { z } from "zod";
import { batchParams, failed } from "./schemas.js";

/** A method as the document describes it. */
export interface DescribedMethod {
  readonly summary: string;
  readonly scope: string;
  readonly params: z.ZodType;
  readonly result: z.ZodType;
}

export function createOpenApi(version: string, methods: ReadonlyMap<string, DescribedMethod>): object {
  const paths: Record<string, object> = {};
  for (const [name, method] of methods) paths[`/api/${name}`] = { post: toOperation(name, method) };
  paths["/api/batch"] = { post: batchOperation };
  return {
    openapi: "3.1.0",
    info: {
      title: "Holdfast server API",
      version,
      description:
        "For an application's own servers. Each request needs a key; its scope says what it may do.",
    },
    security: [{ apiKey: [] }],
    paths,
    components: {
      securitySchemes: { apiKey: { type: "apiKey", in: "header", name: "X-API-Key" } },
      schemas: { Error: toSchema(failed) },
    },
  };
}

const refusals = {
  "400": { description: "The body is not a JSON object" },
  "401": { description: "The key is missing or unknown" },
  "413": { description: "The body is too large" },
};

function toOperation(name: string, { summary, scope, params, result }: DescribedMethod): object {
  return {
    operationId: name,
    summary,
    description: `Needs a key with scope \`${scope}\`.`,
    requestBody: { required: true, content: { "application/json": { schema: toSchema(params) } } },
    responses: {
      "200": {
        description: "The result, or an error of the protocol",
        content: {
          "application/json": {
            schema: {
              oneOf: [
                { type: "object", properties: { result: toSchema(result, "output") }, required: ["result"] },
                { $ref: "#/components/schemas/Error" },
              ],
            },
          },
        },
      },
      ...refusals,
    },
  };
}

const batchOperation = {
  operationId: "batch",
  summary: "Runs several commands",
  description: "The key needs the scope of each command.",
  requestBody: { required: true, content: { "application/json": { schema: toSchema(batchParams) } } },
  responses: {
    "200": {
      description: "A reply for each command, in their order: its method and result, or an error",
      content: {
        "application/json": {
          schema: {
            type: "object",
            properties: { replies: { type: "array", items: { type: "object" } } },
            required: ["replies"],
          },
        },
      },
    },
    ...refusals,
  },
};

function toSchema(schema: z.ZodType, io: "input" | "output" = "input"): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
