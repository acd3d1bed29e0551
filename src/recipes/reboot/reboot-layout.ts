import type { KeyLayout } from '../base/key-layout.js';

const layout = (
  part: string,
  meaning: string,
  value: string,
  lease = 'none: it stays until somebody takes it away',
): KeyLayout => ({
  recipe: 'reboot',
  version: 1,
  pattern: `reboot/<group>/${part}`,
  meaning,
  value,
  lease,
});

/** The keys of reboot groups. */
export const REBOOT_LAYOUT: readonly KeyLayout[] = [
  layout(
    'policy',
    'What reboot group <group> allows.',
    '{"max", "windows", "cooldownSeconds", "soakSeconds", "rebootTimeoutSeconds", "grantTimeoutSeconds", "failureBudget", "order", "paused"}; what is missing has its default',
  ),
  layout(
    'epoch',
    'Moves with every step of group <group>, so that no decision can rest on an older one.',
    'empty; its version counts the steps',
  ),
  layout(
    'slot/<node>',
    'Node <node> of group <group> may reboot, is away, is being watched, or is stuck.',
    '{"phase", "sinceMs", "phaseSinceMs", "by", "reason", "bootId", "zone", "dueSeconds", "forced"}',
    'none: its holder is meant to go away',
  ),
  layout(
    'due/<node>',
    'The time that node <node> has for the phase it is in; gone when that is up.',
    'the phase',
    'one of its own, which nobody renews',
  ),
  layout(
    'cooldown/<node>',
    'The slot of node <node> ended a short while ago, so group <group> gives none away.',
    '{"untilMs"}, for people',
    'one of its own, which nobody renews; with a soak time, it begins with that',
  ),
  layout(
    'want/<node>',
    'Node <node> stands in line for a slot of group <group>, by create revision.',
    '{"sinceMs", "by", "reason", "bootId", "zone"}',
    'the session of whoever waits for it',
  ),
  layout(
    'poll/<node>',
    'Node <node> asked for a slot of group <group>, was refused, and is expected to ask again.',
    '{"sinceMs", "by", "reason", "bootId", "zone"}',
    'one of its own, renewed by asking again',
  ),
  layout(
    'hold/<id>',
    'Somebody holds group <group>, or one node of it, back.',
    '{"scope", "node", "by", "reason", "sinceMs", "untilMs"}',
    'none, or one of its own that ends it',
  ),
  layout(
    'node/<node>',
    'Node <node> has asked for a slot of group <group> before; percentages refer to these.',
    '{"zone"}',
  ),
  layout(
    'pass/<node>',
    'A grant for node <node> was made within a window; it only serves to make a late one fail.',
    'empty',
    'one of a few seconds',
  ),
  layout(
    'log/<sequence>',
    'A step of group <group>: who did what, when and why.',
    '{"kind", "node", "by", "reason", "atMs", "nonce"}',
    'none: the oldest goes when a new one comes',
  ),
];
