import type { MemberLook } from './cluster-member.js';

/**
 * What all members of a cluster together come to, in one line for a person: whether it works, and
 * how much more it can lose, or what it waits for.
 */
export function clusterVerdict(looks: readonly MemberLook[]): string {
  const reports = looks.flatMap((look) => (look.kind === 'serves' ? [look.report] : []));
  const majority = Math.floor(looks.length / 2) + 1;
  const answering = `${reports.length} of ${looks.length} answer`;
  const starting = looks.filter(({ kind }) => kind === 'starts').length;
  if (reports.length < majority && reports.length + starting >= majority) {
    return `${answering}; ${starting} ${starting === 1 ? 'starts' : 'start'}; writes wait`;
  }
  if (reports.length < majority) {
    const needed = `${majority} ${majority === 1 ? 'is' : 'are'} needed`;
    return `NO MAJORITY: ${answering}, ${needed}; what would change or must be newest waits`;
  }
  if (!reports.some(({ role }) => role === 'leader')) return `${answering}; looking for a leader`;
  // Who answers and knows no leader is no help yet.
  const spare = reports.filter(({ leaderId }) => leaderId !== 0n).length - majority;
  const bearable = spare <= 0 ? 'no other one may fail' : `${spare} more may fail`;
  return looks.length === 1 ? 'works, alone' : `works: ${answering}; ${bearable}`;
}
