const KIBIBYTE = 1024;
const MEBIBYTE = 1_048_576;

/** A number of bytes for a person: `12.3 MiB`, and `1.5 KiB` where that says more. */
export function byteSize(byteCount: number): string {
  if (byteCount < MEBIBYTE / 10) return `${(byteCount / KIBIBYTE).toFixed(1)} KiB`;
  return `${(byteCount / MEBIBYTE).toFixed(1)} MiB`;
}
