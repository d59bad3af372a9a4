/** Publications as bytes within a message: time, attributes, and the data as it is, text in UTF-8. */
import type { NewPublication } from "../../channels/log.js";
import type { Publication } from "../../wire/messages.js";
import { isBinary, payloadBytes } from "../../wire/payload.js";
import { decodePublication, encodeAttributes } from "../publication-format.js";
import { type ByteReader, ByteWriter } from "./varints.js";

/** Most bytes of the three numbers before the attributes. */
const maxNumberBytes = 24;

export function encodePublication(publication: NewPublication, time: number): Uint8Array {
  const { data } = publication;
  const dataBytes = payloadBytes(data);
  const attributes = Buffer.from(encodeAttributes({ ...publication, offset: 0, time }));
  const writer = new ByteWriter(maxNumberBytes + attributes.length + dataBytes.length);
  writer.number(time);
  writer.number(attributes.length);
  writer.number(dataBytes.length * 2 + (isBinary(data) ? 1 : 0));
  writer.bytes(attributes);
  writer.bytes(dataBytes);
  return writer.finish();
}

/** @throws RangeError, SyntaxError if the bytes are damaged */
export function readPublication(reader: ByteReader, offset: number): Publication {
  const time = reader.number();
  const attributeBytes = reader.number();
  const lengthAndKind = reader.number();
  const attributes = reader.text(attributeBytes);
  const length = Math.floor(lengthAndKind / 2);
  // Of bytes, each as the character with its code, as the common format has them.
  const data = lengthAndKind % 2 === 1 ? reader.latin1(length) : reader.text(length);
  return decodePublication(offset, time, data, attributes);
}
