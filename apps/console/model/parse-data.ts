/** What a person types as data: JSON, or a text that is meant as one. */
export type ParsedData = { readonly data: unknown } | { readonly fault: string };

export function parseData(text: string): ParsedData {
  if (text.trim() === "") return { fault: 'Type JSON, such as {"hello": "world"}.' };
  try {
    return { data: JSON.parse(text) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { fault: `This is invalid JSON: ${reason}. A text needs quotation marks.` };
  }
}
