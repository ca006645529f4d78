-- SPDX-License-Identifier: GPL-2.0-or-later
-- Wireshark's dissector of IPREF packets, UDP port 1045. Copy it into the folder of personal Lua
-- plugins that Help, About Wireshark, Folders names; or: wireshark -X lua_script:ipref.lua FILE

local ipref = Proto("ipref", "IPREF")

local f = {
    version = ProtoField.uint8("ipref.version", "Version", base.DEC, nil, 0xf0),
    ref_size = ProtoField.uint8("ipref.ref_size", "Size of references", base.DEC,
        {[0] = "4 bytes", [1] = "8 bytes", [2] = "16 bytes", [3] = "invalid"}, 0x0c),
    fragmented = ProtoField.bool("ipref.fragmented", "Fragment fields present", 8, nil, 0x02),
    df = ProtoField.bool("ipref.df", "Don't fragment", 8, nil, 0x01),
    context = ProtoField.uint8("ipref.context_version", "IP version of contexts", base.DEC, nil, 0xf0),
    ttl = ProtoField.uint8("ipref.ttl", "TTL"),
    protocol = ProtoField.uint8("ipref.protocol", "Protocol", base.DEC,
        {[1] = "ICMP", [6] = "TCP", [17] = "UDP"}),
    offset = ProtoField.uint16("ipref.fragment.offset", "Fragment offset", base.DEC, nil, 0xfff8),
    more = ProtoField.bool("ipref.fragment.more", "More fragments", 16, nil, 0x0001),
    id = ProtoField.uint32("ipref.fragment.id", "Identification", base.HEX),
    source4 = ProtoField.ipv4("ipref.source", "Source context"),
    destination4 = ProtoField.ipv4("ipref.destination", "Destination context"),
    source6 = ProtoField.ipv6("ipref.source6", "Source context"),
    destination6 = ProtoField.ipv6("ipref.destination6", "Destination context"),
    source_ref = ProtoField.string("ipref.source_ref", "Source reference"),
    destination_ref = ProtoField.string("ipref.destination_ref", "Destination reference"),
}
ipref.fields = f

local short = ProtoExpert.new("ipref.short", "Shorter than its header", expert.group.MALFORMED,
    expert.severity.ERROR)
local invalid = ProtoExpert.new("ipref.invalid", "Not an IPREF packet of version 1",
    expert.group.MALFORMED, expert.severity.ERROR)
ipref.experts = {short, invalid}

local inner = {[6] = "tcp", [17] = "udp", [1] = "icmp"}
local sizes = {[0] = 4, [1] = 8, [2] = 16}

-- The 16 bytes of a reference b0 to b15: the short forms are b0 and the last 3 or 7.
local function ref_text(bytes)
    local whole = {}
    for i = 0, 15 do whole[i] = 0 end
    local size = bytes:len()
    whole[0] = bytes(0, 1):uint()
    for i = 1, size - 1 do whole[16 - size + i] = bytes(i, 1):uint() end
    local groups, low = {}, 0
    for i = 0, 7 do
        local group = whole[2 * i] * 256 + whole[2 * i + 1]
        if #groups > 0 or group ~= 0 then groups[#groups + 1] = string.format("%x", group) end
        low = group
    end
    if #groups <= 1 then return tostring(low) end
    return table.concat(groups, "-")
end

function ipref.dissector(buffer, info, root)
    info.cols.protocol = "IPREF"
    local tree = root:add(ipref, buffer())
    if buffer:len() < 20 then
        tree:add_proto_expert_info(short)
        return
    end
    local first = buffer(0, 1)
    local ref_size = sizes[first:bitfield(4, 2)]
    local context = buffer(1, 1):bitfield(0, 4)
    if first:bitfield(0, 4) ~= 1 or not ref_size or (context ~= 4 and context ~= 6) then
        tree:add_proto_expert_info(invalid)
        return
    end
    local fragmented = first:bitfield(6, 1) == 1
    local address = context == 4 and 4 or 16
    local size = 4 + (fragmented and 8 or 0) + 2 * address + 2 * ref_size
    tree:add(f.version, first)
    tree:add(f.ref_size, first)
    tree:add(f.fragmented, first)
    tree:add(f.df, first)
    tree:add(f.context, buffer(1, 1))
    tree:add(f.ttl, buffer(2, 1))
    tree:add(f.protocol, buffer(3, 1))
    if buffer:len() < size then
        tree:add_proto_expert_info(short)
        return
    end
    local at, later = 4, false
    if fragmented then
        tree:add(f.offset, buffer(6, 2))
        tree:add(f.more, buffer(6, 2))
        tree:add(f.id, buffer(8, 4))
        later = buffer(6, 2):bitfield(0, 13) ~= 0
        at = 12
    end
    local source, destination = buffer(at, address), buffer(at + address, address)
    at = at + 2 * address
    local from, to = ref_text(buffer(at, ref_size)), ref_text(buffer(at + ref_size, ref_size))
    if context == 4 then
        tree:add(f.source4, source)
        tree:add(f.destination4, destination)
        source, destination = tostring(source:ipv4()), tostring(destination:ipv4())
    else
        tree:add(f.source6, source)
        tree:add(f.destination6, destination)
        source, destination = tostring(source:ipv6()), tostring(destination:ipv6())
    end
    tree:add(f.source_ref, buffer(at, ref_size), from)
    tree:add(f.destination_ref, buffer(at + ref_size, ref_size), to)
    tree:append_text(string.format(", %s + %s to %s + %s", source, from, destination, to))
    tree:set_len(size)
    local segment = buffer(size):tvb()
    local name = inner[buffer(3, 1):uint()]
    if segment:len() == 0 then return end
    Dissector.get(not later and name or "data"):call(segment, info, root)
    info.cols.info:prepend(string.format("%s + %s to %s + %s: ", source, from, destination, to))
end

DissectorTable.get("udp.port"):add(1045, ipref)
