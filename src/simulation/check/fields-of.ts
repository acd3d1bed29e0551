import { type KeyValue, toText } from '../../store/index.js';

/** What a value says of itself; a field that is missing says nothing. */
export type Fields = { readonly [field: string]: unknown };

/** The fields of a value; what is no object has none, for anybody may have written it. */
export function fieldsOf({ value }: KeyValue): Fields {
  try {
    const fields = JSON.parse(toText(value)) as Fields | null;
    return typeof fields === 'object' && fields !== null ? fields : {};
  } catch {
    // Somebody wrote what no recipe writes: it says nothing.
    return {};
  }
}
