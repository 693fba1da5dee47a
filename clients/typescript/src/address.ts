// The address of a caller, in the one form that Keyledger accepts and records.

import { trimmed } from "./text.js";

const PORT_MAX = 65_535;
const SPELLED = /^(?:\[(?<ipv6>[0-9A-Fa-f:.]+)\]|(?<ipv4>[0-9.]+))(?::(?<port>[0-9]{1,5}))?$/;
const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const IPV4 = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}$`);
const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/**
 * Return the IPv4 or IPv6 address that `text` spells, or undefined if it spells none.
 *
 * Blanks, the brackets of IPv6, a port and the zone of the local machine (`%eth0`) are removed. An IPv4-mapped address
 * is returned as the IPv4 address.
 */
export function canonicalAddress(text: string | null | undefined): string | undefined {
  const bare = trimmed(text ?? "").replace(/%[^\]]*/g, "");
  const spelled = SPELLED.exec(bare)?.groups;
  if (Number(spelled?.["port"] ?? 0) > PORT_MAX) return undefined;
  const ipv4 = spelled?.["ipv4"];
  if (ipv4 !== undefined) return IPV4.test(ipv4) ? ipv4 : undefined;
  return canonicalIpv6(spelled?.["ipv6"] ?? bare);
}

function canonicalIpv6(text: string): string | undefined {
  const url = `http://[${text}]/`;
  if (!/^[0-9A-Fa-f:.]+$/.test(text) || !URL.canParse(url)) return undefined;
  const address = new URL(url).hostname.slice(1, -1);
  const mapped = MAPPED.exec(address);
  if (mapped === null) return address;
  return mapped.slice(1).flatMap((group) => bytesOf(Number.parseInt(group, 16))).join(".");
}

function bytesOf(group: number): [number, number] {
  return [group >> 8, group & 0xff];
}
