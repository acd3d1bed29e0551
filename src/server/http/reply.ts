import type { ServerResponse } from 'node:http';

/** Answers with a body as it is. */
export function reply(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

export function replyText(response: ServerResponse, status: number, body: string): void {
  reply(response, status, 'text/plain; charset=utf-8', body);
}

export function replyJson(response: ServerResponse, status: number, value: unknown): void {
  reply(response, status, 'application/json', JSON.stringify(value));
}
