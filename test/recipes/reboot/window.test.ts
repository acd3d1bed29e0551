// Proves when windows of the week are open: days that are those of the start, ends past midnight,
// several windows, weeks that wrap, and clocks that skip an hour or show one twice.
import assert from 'node:assert/strict';
import {
  isCoordinationError,
  parseWindow,
  windowState,
  windowText,
} from '../../../src/recipes/index.js';
import { isoText } from '../../../src/recipes/reboot/civil-time.js';

const at = (text: string): number => Date.parse(text);

/** `open until …` or `closed until …`, in UTC. */
function stateOf(windows: readonly string[], moment: string): string {
  const state = windowState(windows.map(parseWindow), at(moment));
  if (!state.isOpen) return `closed until ${isoText(state.opensMs)}`;
  return state.closesMs === undefined ? 'open' : `open until ${isoText(state.closesMs)}`;
}

describe('reboot windows', () => {
  it('are always open when there are none', () => {
    assert.equal(stateOf([], '2026-03-01T12:00:00Z'), 'open');
  });

  it('open and close to the second', () => {
    const daily = ['22:00 4h'];
    assert.equal(stateOf(daily, '2026-03-01T21:59:59Z'), 'closed until 2026-03-01T22:00:00Z');
    assert.equal(stateOf(daily, '2026-03-01T22:00:00Z'), 'open until 2026-03-02T02:00:00Z');
    assert.equal(stateOf(daily, '2026-03-02T01:59:59Z'), 'open until 2026-03-02T02:00:00Z');
    assert.equal(stateOf(daily, '2026-03-02T02:00:00Z'), 'closed until 2026-03-02T22:00:00Z');
  });

  it('go past midnight without naming the next day', () => {
    // 2026-03-06 is a Friday.
    const friday = ['Fri 23:00 3h'];
    assert.equal(stateOf(friday, '2026-03-07T01:30:00Z'), 'open until 2026-03-07T02:00:00Z');
    assert.equal(stateOf(friday, '2026-03-06T01:30:00Z'), 'closed until 2026-03-06T23:00:00Z');
    assert.equal(stateOf(friday, '2026-03-07T02:00:00Z'), 'closed until 2026-03-13T23:00:00Z');
  });

  it('go past the end of the week, and over days on end', () => {
    assert.equal(
      stateOf(['Sun 20:00 3d'], '2026-03-11T19:00:00Z'),
      'open until 2026-03-11T20:00:00Z',
    );
    assert.equal(
      stateOf(['Sat-Mon 00:00 24h'], '2026-03-07T12:00:00Z'),
      'open until 2026-03-10T00:00:00Z',
    );
  });

  it('join where they overlap or touch, and the next one counts where they do not', () => {
    const two = ['02:00 1h', '03:00 30m', '14:00 1h'];
    assert.equal(stateOf(two, '2026-03-01T02:10:00Z'), 'open until 2026-03-01T03:30:00Z');
    assert.equal(stateOf(two, '2026-03-01T04:00:00Z'), 'closed until 2026-03-01T14:00:00Z');
  });

  it('follow the clock of their time zone, winter and summer', () => {
    const night = ['22:00 1h Europe/Berlin'];
    assert.equal(stateOf(night, '2026-01-10T21:30:00Z'), 'open until 2026-01-10T22:00:00Z');
    assert.equal(stateOf(night, '2026-07-10T21:30:00Z'), 'closed until 2026-07-11T20:00:00Z');
    const east = ['Mon 01:00 1h Pacific/Kiritimati'];
    // Monday there is Sunday here, fourteen hours behind.
    assert.equal(stateOf(east, '2026-03-01T11:30:00Z'), 'open until 2026-03-01T12:00:00Z');
  });

  it('begin at the skip when clocks skip their start', () => {
    // On 2026-03-29 clocks in Berlin go from 02:00 to 03:00, which is 01:00 UTC.
    const skipped = ['02:30 1h Europe/Berlin'];
    assert.equal(stateOf(skipped, '2026-03-29T00:59:00Z'), 'closed until 2026-03-29T01:00:00Z');
    assert.equal(stateOf(skipped, '2026-03-29T01:59:00Z'), 'open until 2026-03-29T02:00:00Z');
    assert.equal(stateOf(skipped, '2026-03-30T00:29:00Z'), 'closed until 2026-03-30T00:30:00Z');
  });

  it('begin once, at the first time, when clocks show their start twice', () => {
    // On 2026-10-25 clocks in Berlin go from 03:00 back to 02:00, which is 01:00 UTC.
    const twice = ['02:30 30m Europe/Berlin'];
    assert.equal(stateOf(twice, '2026-10-25T00:30:00Z'), 'open until 2026-10-25T01:00:00Z');
    assert.equal(stateOf(twice, '2026-10-25T01:45:00Z'), 'closed until 2026-10-26T01:30:00Z');
  });

  it('last as long as they say over a change of clocks', () => {
    const long = ['Sat 22:00 8h Europe/Berlin'];
    assert.equal(stateOf(long, '2026-03-29T04:59:00Z'), 'open until 2026-03-29T05:00:00Z');
    assert.equal(stateOf(long, '2026-10-25T03:59:00Z'), 'open until 2026-10-25T04:00:00Z');
  });

  it('agree with the clock of the host, at any moment of some years', () => {
    const zones = ['Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'UTC'];
    for (const timeZone of zones) {
      const window = parseWindow({ start: '02:15', lengthMinutes: 90, timeZone });
      for (let momentMs = at('2025-01-01T00:00:00Z'); momentMs < at('2027-01-01T00:00:00Z'); ) {
        momentMs += 37 * 60_000 * 101;
        const shown = new Date(momentMs).toLocaleTimeString('en-GB', { timeZone });
        const inside = shown >= '02:15:00' && shown < '03:45:00';
        const { isOpen } = windowState([window], momentMs);
        // Around a change of clocks the end is counted from the start, so only quiet days compare.
        const offset = (ms: number): string =>
          new Date(ms).toLocaleString('en-US', { timeZone, timeZoneName: 'longOffset' }).slice(-9);
        if (offset(momentMs - 7_200_000) !== offset(momentMs + 7_200_000)) continue;
        assert.equal(isOpen, inside, `${timeZone} ${isoText(momentMs)} shows ${shown}`);
      }
    }
  });

  it('are written as they are read', () => {
    for (const text of ['22:00 4h UTC', 'Mon,Wed 08:30 1h30m Europe/Berlin', 'Sat 00:00 48h UTC']) {
      assert.equal(windowText(parseWindow(text)), text);
      assert.deepEqual(parseWindow(parseWindow(text)), parseWindow(text));
    }
    assert.equal(windowText(parseWindow('fri-mon 01:00 15m')), 'Fri,Sat,Sun,Mon 01:00 15m UTC');
  });

  it('name the field that makes no sense', () => {
    const cases: readonly (readonly [unknown, RegExp])[] = [
      ['Mon 25:00 1h', /start .*25:00/],
      ['Mon 22:00', /length ""/],
      ['Mon 22:00 8d', /length "8d"/],
      ['Mon 22:00 0m', /length "0m"/],
      ['Mun 22:00 1h', /days "Mun"/],
      ['Mon-Xyz 22:00 1h', /days "Mon-Xyz"/],
      ['22:00 1h Mars/Phobos', /timeZone "Mars\/Phobos"/],
      ['22:00 1h UTC or so', /timeZone/],
      [{ start: 7, lengthMinutes: 5 }, /start 7/],
      [{ start: '07:00', lengthMinutes: 0.5 }, /lengthMinutes 0.5/],
      [{ start: '07:00', lengthMinutes: 5, days: 'Mon' }, /days "Mon"/],
      [null, /start undefined/],
    ];
    for (const [input, pattern] of cases) {
      assert.throws(
        () => parseWindow(input),
        (error: unknown) =>
          isCoordinationError(error, 'InvalidArgument') && pattern.test(error.message),
        JSON.stringify(input),
      );
    }
  });
});
