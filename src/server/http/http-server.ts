import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { FleetLockEndpoint } from '../fleet-lock/fleet-lock-endpoint.js';
import type { MetricsPage } from '../metrics/page.js';
import type { WorkCounters } from '../metrics/work-counters.js';
import { CLUSTER_VERSION, ETCD_VERSION, STORAGE_VERSION } from '../version.js';
import type { MemberChecks } from './checks.js';
import { answerHealth } from './health.js';
import { answerProbe, probeChecks } from './probes.js';
import { reply, replyJson, replyText } from './reply.js';

export interface HttpParts {
  readonly checks: MemberChecks;
  readonly page: MetricsPage;
  readonly work: WorkCounters;
  readonly fleetLock: FleetLockEndpoint;
  /** How long a client may take to send the head of a request, and then all of it. */
  readonly headTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/**
 * The plain HTTP side of the client port: version, health, probes and metrics, for reading only,
 * and FleetLock, which writes. Listens nowhere; the listener hands it the connections that do not
 * speak HTTP/2.
 */
export function createHttpServer(parts: HttpParts): Server {
  const options = {
    headersTimeout: parts.headTimeoutMs,
    requestTimeout: parts.requestTimeoutMs,
    connectionsCheckingInterval: 1000,
  };
  return createServer(options, (request, response) => {
    answer(request, response, parts).catch(() => {
      // The client sees a broken answer; there is nobody else to tell, and the next may work.
      response.destroy();
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  parts: HttpParts,
): Promise<void> {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const fleetLockCall = FleetLockEndpoint.callOf(path);
  if (fleetLockCall !== undefined) return parts.fleetLock.answer(fleetLockCall, request, response);
  const probe = probeChecks(path);
  const known = probe !== undefined || ['/version', '/health', '/metrics'].includes(path);
  if (!known) {
    replyUnknown(path, response);
  } else if (request.method !== 'GET' && !(path === '/metrics' && request.method === 'HEAD')) {
    response.setHeader('allow', 'GET');
    replyText(response, 405, 'Method Not Allowed\n');
  } else if (probe !== undefined) {
    await answerProbe(probe, query, response, parts.checks);
  } else if (path === '/health') {
    await answerHealth(query, response, parts.checks, parts.work);
  } else if (path === '/metrics') {
    reply(response, 200, parts.page.contentType, await parts.page.text());
  } else {
    replyJson(response, 200, {
      etcdserver: ETCD_VERSION,
      etcdcluster: CLUSTER_VERSION,
      storage: STORAGE_VERSION,
    });
  }
}

/** Below /v3 etcd has its JSON gateway, whose answers are JSON also when there is nothing. */
function replyUnknown(path: string, response: ServerResponse): void {
  if (path.startsWith('/v3/')) {
    replyJson(response, 404, { code: 5, message: 'Not Found', details: [] });
  } else {
    replyText(response, 404, '404 page not found\n');
  }
}
