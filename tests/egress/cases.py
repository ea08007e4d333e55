"""Addresses and URLs with their verdicts, by hand; the rules they were written from stand in docs/deploying.md."""


def words(text: str) -> list[str]:
    return text.split()


PUBLIC = words("""
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0
192.0.3.0 192.31.195.255 192.31.197.0 192.52.192.255 192.52.194.0 192.88.98.255 192.88.100.0 192.167.255.255
192.169.0.0 192.175.47.255 192.175.49.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0
223.255.255.255 2000:: 2001:200:: 2001:4860:4860::8888 2001:db7:ffff:: 2001:db9:: 2001:ffff:: 2003::
2606:4700::1111 2620:4f:7fff:: 2620:4f:8001:: 2a00:1450:4001::1 3ffe:: 3fff:1000:: 3fff:ffff:: ::ffff:8.8.8.8
::ffff:0808:0808 64:ff9b::8.8.8.8 64:ff9b::808:808
""")

BLOCKED = words("""
0.0.0.0 0.255.255.255 10.0.0.0 10.1.2.3 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 127.0.0.0 127.0.0.1
127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255 172.16.0.0 172.17.0.1
172.31.255.255 192.0.0.0 192.0.0.8 192.0.0.192 192.0.0.255 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0
192.168.1.1 192.168.255.255 192.175.48.1 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.0 224.0.0.1
239.255.255.250 240.0.0.1 255.255.255.255 :: ::1 ::2 ::7f00:1 ::ffff:0.0.0.0 ::ffff:127.0.0.1 ::ffff:7f00:1
::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::127.0.0.1 ::169.254.169.254 ::ffff:0:127.0.0.1
64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::10.0.0.1 64:ff9b::6464:64c8 64:ff9b:1::1 64:ff9b:1::8.8.8.8 100::1
100:0:0:1::1 1fff:ffff:: 2001:: 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:1ff:ffff::
2001:db8:: 2001:db8::1 2002:: 2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808:: 2620:4f:8000::1 3fff:: 3fff:fff:ffff::
4000:: 5f00::1 8000:: fc00:: fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254 fd00:42::42 fdff:ffff:: fe80:: fe80::1
fe80::a9fe:a9fe febf:ffff:: fec0::1 ff02::1 ff0e::1 ffff:ffff:: fe80::1%eth0 fe80::1%25eth0 2001:4860::1%1 ::1%lo
127.1 0x7f000001 2130706433 017700000001 1.1.1.1.1 1.1.1 localhost 1.1.1.256 01.1.1.1
""")

# Blocked although 0.0.0.0/0 and ::/0 are allowed, unless the switch for them is set.
METADATA = words("""
169.254.0.0 169.254.169.254 169.254.170.23 100.100.100.200 192.0.0.192 168.63.129.16 fe80::1 febf:: fd00:ec2::254
fd00:ec2:1::1 fd20:ce::254 fd00:42::42 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe ::ffff:192.0.0.192
""")

GOOD_URLS = {
    "https://example.com": "https://example.com/",
    "https://example.com/": "https://example.com/",
    "HTTPS://EXAMPLE.COM/A": "https://example.com/A",
    "https://example.com.": "https://example.com/",
    "https://example.com?x=1": "https://example.com/?x=1",
    "https://example.com:443/": "https://example.com/",
    "https://example.com:80/": "https://example.com:80/",
    "https://example.com:8443/a?b=c&d=%20": "https://example.com:8443/a?b=c&d=%20",
    "https://example.com:1024/": "https://example.com:1024/",
    "https://example.com:65535/": "https://example.com:65535/",
    "https://my_service.example.com/": "https://my_service.example.com/",
    "https://a-b.c-d.example/": "https://a-b.c-d.example/",
    "https://xn--bcher-kva.example/": "https://xn--bcher-kva.example/",
    "https://bücher.example/": "https://xn--bcher-kva.example/",
    "https://例え.テスト/": "https://xn--r8jz45g.xn--zckzah/",
    "https://1.1.1.1/": "https://1.1.1.1/",
    "https://1e100.net/": "https://1e100.net/",
    "https://[2606:4700::1111]/": "https://[2606:4700::1111]/",
    "https://[2606:4700:0:0:0:0:0:1111]:8443/": "https://[2606:4700::1111]:8443/",
    "https://intranet/hook": "https://intranet/hook",
    "https://example.com/a/../b": "https://example.com/b",
    "https://example.com/@home": "https://example.com/@home",
    "https://example.com/?u=https://x:y@z/": "https://example.com/?u=https://x:y@z/",
}

BAD_URLS = [
    "",
    "example.com",
    "//example.com/",
    "/hook",
    "https:",
    "https:/example.com",
    "https://",
    "https:///x",
    "https://?x",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com:11211/",
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
    "ws://example.com/",
    "http://example.com/",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com%40127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com/#fragment",
    "https://example.com#@127.0.0.1/",
    "https://exa mple.com/",
    " https://example.com/",
    "https://example.com/ ",
    "https://example.com/\r\nHost: x",
    "https://example.com/\n",
    "https://example.com/\t",
    "https://example.com/\0",
    "https://example.com/\x7f",
    "https://example.com/\ud800",
    "https://exam\u00a0ple.com/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://1.1.1.1.1/",
    "https://1.1.1.256/",
    "https://example.0x1/",
    "https://example.1/",
    "https://example.09/",
    "https://0/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://[::1/",
    "https://::1/",
    "https://[127.0.0.1]/",
    "https://[v1.x]/",
    "https://[::g]/",
    "https://[]/",
    "https://example..com/",
    "https://.example.com/",
    "https://-example.com/",
    "https://example-.com/",
    "https://*.example.com/",
    "https://exa%6dple.com/",
    "https://ex,ample.com/",
    "https://xn--a.example/",
    "https://xn--.example/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/",
    "https://example.com:0/",
    "https://example.com:22/",
    "https://example.com:25/",
    "https://example.com:1023/",
    "https://example.com:1433/",
    "https://example.com:3306/",
    "https://example.com:5432/",
    "https://example.com:6379/",
    "https://example.com:9200/",
    "https://example.com:11211/",
    "https://example.com:27017/",
    "https://example.com:65536/",
    "https://example.com:999999/",
    "https://example.com:/",
    "https://example.com:x/",
    "https://example.com:+443/",
    "https://example.com:४४३/",
    "https://example.com/" + "a" * 2029,
]

BLOCKED_URLS = [
    "https://127.0.0.1/",
    "https://10.0.0.1:8080/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0.0.0.0/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[fd00:ec2::254]/",
    "https://[2002:7f00:1::]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost:8080/",
]
