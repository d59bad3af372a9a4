/** The description of the server's HTTP interface (OpenAPI 3.1), made from the schemas that check its requests. */
import { z } from "zod";
import { batchParams } from "./call.js";
import { type ApiMethod, apiMethods } from "./methods.js";
import { failed } from "./schemas.js";

export function createOpenApi(version: string): object {
  const paths: Record<string, object> = {};
  for (const [name, method] of apiMethods) paths[`/api/${name}`] = { post: toOperation(name, method) };
  paths["/api/batch"] = { post: batchOperation };
  return {
    openapi: "3.1.0",
    info: {
      title: "Holdfast server API",
      version,
      description:
        "For an application's own servers. Each request comes with a key, whose scope says what it may do.",
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
  "400": { description: "The body is no JSON object" },
  "401": { description: "The key is missing, or not one of the server's" },
  "413": { description: "The body is too large" },
};

function toOperation(name: string, { summary, scope, params, result }: ApiMethod): object {
  return {
    operationId: name,
    summary,
    description: `Needs a key for \`${scope}\`.`,
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
  summary: "Carries out several commands",
  description: "Each command needs a key for its own scope.",
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
