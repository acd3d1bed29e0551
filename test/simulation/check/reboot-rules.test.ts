// Proves for the rules of a reboot group that a history of keys as the recipe writes them passes,
// and that one which breaks K5 is found and called by that name.
import { HistoryBuilder } from './history-builder.js';
import { mustBreak, mustHold } from './verdict.js';

describe('K5: rules of a reboot group', () => {
  const rules: readonly (readonly [what: string, key: string, value: string])[] = [
    ['is paused', 'policy', '{"max":9,"paused":{"by":"ann","reason":"","untilMs":null}}'],
    ['is held', 'hold/x', '{"scope":"group"}'],
    ['holds the node', 'hold/x', '{"scope":"node","node":"b"}'],
    ['cools down', 'cooldown/c', '{}'],
    ['keeps zones apart', 'policy', '{"max":9,"order":{"by":"zone","rule":"one-per-zone"}}'],
  ];

  for (const [what, key, value] of rules) {
    it(`finds a slot that is given while it ${what}, and not one that was given before`, () => {
      const h = new HistoryBuilder();
      h.put('reboot/web/policy', '{"max":9}');
      h.put('reboot/web/slot/a', '{"phase":"granted","zone":"east"}');
      h.put(`reboot/web/${key}`, value);
      mustHold(h.build());
      h.put('reboot/web/slot/b', '{"phase":"granted","zone":"east"}');
      mustBreak('K5', h.build());
    });
  }

  it('lets another node go while one is held, and another zone where zones are apart', () => {
    const h = new HistoryBuilder();
    h.put('reboot/web/policy', '{"max":9,"order":{"by":"zone","rule":"one-per-zone"}}');
    h.put('reboot/web/hold/x', '{"scope":"node","node":"c"}');
    h.put('reboot/web/slot/a', '{"phase":"granted","zone":"east"}');
    h.put('reboot/web/slot/b', '{"phase":"granted","zone":"west"}');
    mustHold(h.build());
  });
});
